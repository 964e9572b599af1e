ALTER TABLE rooms DROP name;
