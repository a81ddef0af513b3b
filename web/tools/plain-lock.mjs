// plain-lock.mjs FILE: take out of a lock file what names hosts: where packages were fetched from, and who funds them.
// What remains, names, versions and integrity hashes, is all that `npm ci` needs; it asks the registry of whoever runs it.
import { readFileSync, writeFileSync } from 'node:fs';

const path = process.argv[2];
const lock = JSON.parse(readFileSync(path, 'utf8'));
for (const entry of Object.values(lock.packages)) {
	delete entry.resolved;
	delete entry.funding;
}
const text = JSON.stringify(lock, null, 2) + '\n';
if (/https?:/.test(text)) {
	console.error(`${path} still holds an address; look for it and extend this script`);
	process.exit(1);
}
writeFileSync(path, text);
