UPDATE {schema}._migrations SET statements_done = {done} WHERE version = {version}
