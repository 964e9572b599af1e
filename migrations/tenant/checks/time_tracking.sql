-- The time-tracking page: entries with what they were worked on.
-- from: 0010

SELECT
    time_entries.id,
    time_entries.start_time,
    time_entries.end_time,
    time_entries.duration_minutes,
    time_entries.hourly_rate_snapshot,
    time_entries.notes,
    task_types.name AS task,
    sessions.title AS session,
    sessions.project_id AS session_project,
    projects.name AS project,
    tracks.title AS track
FROM time_entries
JOIN task_types ON task_types.id = time_entries.task_type_id
LEFT JOIN sessions ON sessions.id = time_entries.session_id
LEFT JOIN projects ON projects.id = coalesce(time_entries.project_id, sessions.project_id)
LEFT JOIN tracks ON tracks.id = time_entries.track_id
ORDER BY time_entries.start_time DESC
LIMIT 0;
