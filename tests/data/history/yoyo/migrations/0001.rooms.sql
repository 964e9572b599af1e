-- rooms
-- depends:

CREATE TABLE rooms (id int);
