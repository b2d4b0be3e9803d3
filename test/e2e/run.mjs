// Runs the black-box tests, a few side by side: most of them wait. Usage: node run.mjs [FILTER]. WEIR names the binary,
// SCALE=full runs the large sizes, JOBS=1 one after the other. Last line: "N passed, N failed".
import { pathToFileURL } from 'node:url';
import fs from 'node:fs';
import path from 'node:path';

const filter = process.argv[2] ?? '';
export const full = process.env.SCALE === 'full';
const all = [];
for (const file of fs.readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.mjs')).sort()) {
  const { tests } = await import(pathToFileURL(path.join(import.meta.dirname, file)).href);
  for (const [name, test] of Object.entries(tests)) all.push([`${file.replace('.test.mjs', '')}: ${name}`, test]);
}
const wanted = all.filter(([title]) => title.includes(filter));
const counts = { passed: 0, failed: 0 };

async function run([title, test]) {
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
  for (let next; (next = wanted.shift()); ) await run(next);
}
await Promise.all(Array.from({ length: Number(process.env.JOBS ?? 3) }, worker));
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed ? 1 : 0);
