// Runs the black-box tests, a few files of them side by side: most of them wait. Usage: node run.mjs [FILTER]. WEIR names
// the binary, SCALE=full runs the large sizes, JOBS=1 one after the other; WITHOUT is a regular expression of titles to leave
// out. Last line: "N passed, N failed".
import { pathToFileURL } from 'node:url';
import fs from 'node:fs';
import path from 'node:path';

const filter = process.argv[2] ?? '';
const without = process.env.WITHOUT ? new RegExp(process.env.WITHOUT) : null;
export const full = process.env.SCALE === 'full';
const counts = { passed: 0, failed: 0 };
// From the last on: it waits longest.
const files = fs.readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.mjs')).sort().reverse();

async function run(title, test) {
  const begun = Date.now();
  let timer;
  try {
    const late = new Promise((_, fail) => (timer = setTimeout(() => fail(new Error('took longer than 180 s')), 180000)));
    const said = await Promise.race([test({ full }), late]);
    console.log(`ok   ${title} (${Date.now() - begun} ms)${said ? '  ' + said : ''}`);
    ++counts.passed;
  } catch (error) {
    console.log(`FAIL ${title}\n${error.stack}`);
    ++counts.failed;
  } finally {
    clearTimeout(timer);
  }
}
async function worker() {
  for (let file; (file = files.shift()); ) {
    const { tests } = await import(pathToFileURL(path.join(import.meta.dirname, file)).href);
    for (const [name, test] of Object.entries(tests)) {
      const title = `${file.replace('.test.mjs', '')}: ${name}`;
      if (title.includes(filter) && !without?.test(title)) await run(title, test);
    }
  }
}
await Promise.all(Array.from({ length: Number(process.env.JOBS ?? 3) }, worker));
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed ? 1 : 0);
