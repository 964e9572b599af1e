SET LOCAL search_path = '';
{pin}LOCK TABLE {tables} IN {mode} MODE
