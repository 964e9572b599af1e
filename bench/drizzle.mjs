// The migrator of drizzle-orm over many databases in one process, as an application with a database for each tenant
// calls it: node drizzle.mjs FOLDER URL JOBS, with the tenants' numbers on stdin and {} in place of one in the URL.
import { readFileSync } from "node:fs";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import pg from "pg";

const [migrationsFolder, url, jobs] = process.argv.slice(2);
const numbers = readFileSync(0, "utf8").split("\n").filter(Boolean);

async function work() {
  for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
    const client = new pg.Client({ connectionString: url.replace("{}", number) });
    await client.connect();
    await migrate(drizzle(client), { migrationsFolder });
    await client.end();
  }
}

await Promise.all(Array.from({ length: Number(jobs) }, work));
