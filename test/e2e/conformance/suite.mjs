// Lets the official suite start on Node 20: its bundle imports `globSync` from `fs`, which Node has since 22 and which
// one command of the suite needs that is not run here. Used as `node --import suite.mjs BUNDLE ARGS`; nothing is
// written to disk.
import { register } from 'node:module';

const hook = `export async function load(url, context, next) {
  const loaded = await next(url, context);
  if (!/\\/conformance-[^/]*\\/dist\\/index\\.js$/.test(url)) return loaded;
  return { ...loaded, source: String(loaded.source).replace(/globSync as [$\\w]+,/, '') };
}`;
register('data:text/javascript,' + encodeURIComponent(hook));
