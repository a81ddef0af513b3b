// Drives the built dashboard with Chromium: `node test.mjs [part of a test's name]`, TAP on standard output.
// NODE_URL=http://host:port takes a running node instead of the mock; what only the mock can promise is then skipped.
// CHROMIUM=path names another browser. DIST=folder names another build of the page.
import { runAll } from './harness.mjs';
import './tests_floor.mjs';
import './tests_ledger.mjs';
import './tests_page.mjs'; // its last test looks back at all others

process.exit((await runAll(process.argv[2])) ? 0 : 1);
