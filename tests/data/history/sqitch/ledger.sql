CREATE SCHEMA sqitch;
CREATE TABLE sqitch.changes (
    change_id text NOT NULL,
    script_hash text,
    change text NOT NULL,
    project text NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    committed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    committer_name text NOT NULL,
    committer_email text NOT NULL,
    planned_at timestamp with time zone NOT NULL,
    planner_name text NOT NULL,
    planner_email text NOT NULL
);
CREATE TABLE sqitch.projects (
    project text NOT NULL,
    uri text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    creator_name text NOT NULL,
    creator_email text NOT NULL
);
CREATE TABLE sqitch.tags (
    tag_id text NOT NULL,
    tag text NOT NULL,
    project text NOT NULL,
    change_id text NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    committed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    committer_name text NOT NULL,
    committer_email text NOT NULL,
    planned_at timestamp with time zone NOT NULL,
    planner_name text NOT NULL,
    planner_email text NOT NULL
);
INSERT INTO sqitch.changes VALUES ('a7ddee19ea35ee5d52289b60b6ee67cf6814b1d2', '000230e82258b2db4cbd769eaefdfe6c8aba02ad', 'rooms', 'studio', 'Rooms.', '2026-11-22 16:58:33.997501+00', 'Ann', 'ann@studio.example', '2026-11-22 16:58:31+00', 'Ann', 'ann@studio.example');
INSERT INTO sqitch.changes VALUES ('8b3a18117dfadc692fd7675c9e0ac06c8dbabc3b', '0c2a7f69b3dc1d66f61c021fc1674f4130cd7293', 'sessions', 'studio', 'Sessions.', '2026-11-22 16:58:34.063073+00', 'Ann', 'ann@studio.example', '2026-11-22 16:58:31+00', 'Ann', 'ann@studio.example');
INSERT INTO sqitch.changes VALUES ('41e5a04d7e2e3ac3e54054c78d763354538814db', '77820ab23b2b2d457af9bafa8c5da09c9095c6d4', 'rooms', 'studio', 'Names of rooms.', '2026-11-22 16:58:34.124875+00', 'Ann', 'ann@studio.example', '2026-11-22 16:58:32+00', 'Ann', 'ann@studio.example');
INSERT INTO sqitch.projects VALUES ('studio', NULL, '2026-11-22 16:58:33.929935+00', 'Ann', 'ann@studio.example');
INSERT INTO sqitch.tags VALUES ('1473bd3d684a7b04ce18aad7eb6c4c2dda2d7880', '@v1', 'studio', '8b3a18117dfadc692fd7675c9e0ac06c8dbabc3b', 'First.', '2026-11-22 16:58:34.065205+00', 'Ann', 'ann@studio.example', '2026-11-22 16:58:32+00', 'Ann', 'ann@studio.example');
ALTER TABLE ONLY sqitch.changes
    ADD CONSTRAINT changes_pkey PRIMARY KEY (change_id);
ALTER TABLE ONLY sqitch.changes
    ADD CONSTRAINT changes_project_script_hash_key UNIQUE (project, script_hash);
ALTER TABLE ONLY sqitch.projects
    ADD CONSTRAINT projects_pkey PRIMARY KEY (project);
ALTER TABLE ONLY sqitch.projects
    ADD CONSTRAINT projects_uri_key UNIQUE (uri);
ALTER TABLE ONLY sqitch.tags
    ADD CONSTRAINT tags_pkey PRIMARY KEY (tag_id);
ALTER TABLE ONLY sqitch.tags
    ADD CONSTRAINT tags_project_tag_key UNIQUE (project, tag);
ALTER TABLE ONLY sqitch.changes
    ADD CONSTRAINT changes_project_fkey FOREIGN KEY (project) REFERENCES sqitch.projects(project) ON UPDATE CASCADE;
ALTER TABLE ONLY sqitch.tags
    ADD CONSTRAINT tags_change_id_fkey FOREIGN KEY (change_id) REFERENCES sqitch.changes(change_id) ON UPDATE CASCADE;
ALTER TABLE ONLY sqitch.tags
    ADD CONSTRAINT tags_project_fkey FOREIGN KEY (project) REFERENCES sqitch.projects(project) ON UPDATE CASCADE;
