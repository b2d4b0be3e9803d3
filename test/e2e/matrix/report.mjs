// The results as one table, with what does not apply and what failed below it.
import { columns, impossible, clients, rows, servers } from './cells.mjs';

export function count(results) {
  const all = Object.values(results);
  const applied = all.filter((one) => !one.na);
  return { ok: applied.filter((one) => one.ok).length, of: applied.length, na: all.length - applied.length };
}

export function label(results) {
  const { ok, of, na } = count(results);
  return `${ok}/${of}${na ? ` (${na})` : ''}`;
}

const title = { sdk1: 'SDK v1', 'sdk2-old': 'SDK v2, old revisions only', 'sdk2-new': 'SDK v2, 2026-07-28 only', 'sdk2-both': 'SDK v2, both eras', raw: 'raw client' };
const by = { http: 'Streamable HTTP', sse: 'HTTP+SSE', stdio: 'stdio' };
const nameOf = (client) => `${client.kind === 'sdk2' ? 'SDK v2' : title[client.kind]}, ${client.version}`;

// results: from a cell's name to the results of its features.
export function markdown(results, direct) {
  const cell = (row, column) => results.get(`${row.name} > ${column.name}`);
  const shownRows = rows.filter((row) => columns.some((column) => cell(row, column)));
  const shown = columns.filter((column) => rows.some((row) => cell(row, column)));
  const lines = [
    '# Compatibility',
    '',
    `Each cell is a client (row) that talks to a server (column) ${direct ? 'directly, without the gateway' : 'through the gateway'}: features that work / features that apply, and in brackets those that the specification rules out. Made by \`node test/e2e/matrix/run.mjs\`.`,
    '',
    `| client | by | ${shown.map((column) => `${title[column.server.flavour]}, ${by[column.by]}`).join(' | ')} |`,
    `| --- | --- | ${shown.map(() => '---').join(' | ')} |`,
    ...shownRows.map((row) => `| ${nameOf(row.client)} | ${by[row.by]} | ${shown.map((column) => (cell(row, column) ? label(cell(row, column)) : '')).join(' | ')} |`),
    '',
  ];
  const reasons = new Map();
  const failures = new Map();
  const note = (what, reason, name) => {
    if (!failures.has(what)) failures.set(what, new Map());
    const by = failures.get(what);
    by.set(reason, [...(by.get(reason) ?? []), name]);
  };
  // Free ports and temporary files differ from run to run.
  const steady = (reason) => reason.replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT').replace(/\/tmp\/[\w-]+/g, '/tmp/X').trim();
  for (const [name, all] of results) {
    const applied = Object.values(all).filter((one) => !one.na);
    const none = applied.every((one) => one.fail && one.fail === applied[0].fail);
    if (none) note('everything', steady(applied[0].fail), name);
    for (const [feature, one] of Object.entries(all)) {
      if (one.na) reasons.set(`${feature}: ${one.na}`, [...(reasons.get(`${feature}: ${one.na}`) ?? []), name]);
      if (one.fail && !none) note(feature, steady(one.fail), name);
    }
  }
  lines.push('## What does not apply', '');
  for (const one of clients) if (impossible.row(one, 'sse')) lines.push(`- ${nameOf(one)} over HTTP+SSE: ${impossible.row(one, 'sse')}`);
  for (const one of servers) if (impossible.column(one, 'sse')) lines.push(`- ${title[one.flavour]} over HTTP+SSE: ${impossible.column(one, 'sse')}`);
  for (const [reason, where] of [...reasons].sort()) lines.push(`- ${reason} (${where.length} cells)`);
  lines.push('', '## Failures', '');
  if (!failures.size) lines.push('None.');
  for (const [feature, by] of failures) {
    lines.push(`- **${feature}**`);
    for (const [reason, where] of by) lines.push(`  - ${reason.replaceAll('<', '&lt;')} (${where.length}: ${where.slice(0, 4).join('; ')}${where.length > 4 ? '; ...' : ''})`);
  }
  return lines.join('\n') + '\n';
}
