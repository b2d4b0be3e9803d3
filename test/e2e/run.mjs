// Runs the black-box tests one after the other. Usage: node run.mjs [FILTER]. WEIR names the binary, SCALE=full
// runs the large sizes. Last line: "N passed, N failed".
import { pathToFileURL } from 'node:url';
import fs from 'node:fs';
import path from 'node:path';

const filter = process.argv[2] ?? '';
export const full = process.env.SCALE === 'full';
let passed = 0;
let failed = 0;
for (const file of fs.readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.mjs')).sort()) {
  const { tests } = await import(pathToFileURL(path.join(import.meta.dirname, file)).href);
  for (const [name, test] of Object.entries(tests)) {
    const title = `${file.replace('.test.mjs', '')}: ${name}`;
    if (!title.includes(filter)) continue;
    const begun = Date.now();
    let timer;
    try {
      const late = new Promise((_, fail) => (timer = setTimeout(() => fail(new Error('took longer than 180 s')), 180000)));
      const said = await Promise.race([test({ full }), late]);
      console.log(`ok   ${title} (${Date.now() - begun} ms)${said ? '  ' + said : ''}`);
      ++passed;
    } catch (error) {
      console.log(`FAIL ${title}\n${error.stack}`);
      ++failed;
    } finally {
      clearTimeout(timer);
    }
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
