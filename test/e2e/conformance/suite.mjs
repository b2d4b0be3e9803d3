// The official suite as a node script. As published it does not start on Node 20: its bundle imports `globSync` from
// `fs`, which Node has since 22 and which one command of the suite needs that is not run here. There a copy without
// that import is made beside the bundle, among the installed packages, where its own imports resolve.
import fs from 'node:fs';
import path from 'node:path';
import { modules } from '../weir.mjs';

export function bundle(version) {
  const published = path.join(modules, `conformance-${version}/dist/index.js`);
  if ('globSync' in fs) return published;
  const copy = path.join(path.dirname(published), 'without-glob.js');
  const text = fs.readFileSync(published, 'utf8').replace(/globSync as [$\w]+,/, '');
  // Two runs at once may both be here: a name of its own until it is whole.
  fs.writeFileSync(`${copy}.${process.pid}`, text);
  fs.renameSync(`${copy}.${process.pid}`, copy);
  return copy;
}
