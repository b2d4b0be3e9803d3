// docs/differential.md out of one run.
import { classes } from './classes.mjs';
import { excerpt } from './rules.mjs';

const width = 131;
const sides = {
  weir: 'the standard demands what Weir does',
  open: 'the standard leaves it open',
  peer: 'the standard demands what the proxy does',
  above: 'above HTTP',
};

function wrap(text, indent = '') {
  const lines = [''];
  for (const word of text.split(' ')) {
    if ((lines.at(-1) + ' ' + word).length > width) lines.push(indent);
    lines[lines.length - 1] += (lines.at(-1).trim() === '' ? '' : ' ') + word;
  }
  return lines.join('\n');
}
const table = (head, rows) => [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
const said = ({ answers, end }) =>
  `${answers.map(({ status }) => status).join(' ')} ${{ open: '+', closed: '-', waits: '...' }[end]}`.trim();

// The disagreements of a class: id, counts, one case of each proxy that it stands for.
function groups(seen) {
  const all = Object.keys(classes).map((id) => {
    const of = (name) => seen.filter((one) => one.classes[name] === id);
    const [nginx, HAProxy] = [of('nginx'), of('HAProxy')];
    return { id, nginx: nginx.length, HAProxy: HAProxy.length, first: nginx[0] ?? HAProxy[0] };
  });
  return all.filter(({ first }) => first);
}
function sentence({ id, nginx, HAProxy }) {
  const [, section, why] = classes[id];
  const who = nginx && HAProxy ? 'the proxy' : nginx ? 'nginx' : 'HAProxy';
  const text = why.replaceAll('{peer}', who);
  return wrap(`- **${id}** ${text[0] === 't' && who === 'the proxy' ? 'T' + text.slice(1) : text} (${section})`, '  ');
}
// F9 of both, or of one: nginx C2.
function which({ classes: { nginx, HAProxy } }) {
  if (nginx === HAProxy) return nginx;
  return [nginx && `nginx ${nginx}`, HAProxy && `HAProxy ${HAProxy}`].filter(Boolean).join(', ');
}

export function document({ versions, sums, found, seen }) {
  const parted = groups(seen);
  const sum = (list, name) => list.reduce((all, one) => all + one[name], 0);
  const sided = (side, name) => sum(parted.filter(({ id }) => classes[id][0] === side && id[0] !== 'N'), name);
  const rows = Object.fromEntries(sums.rows.map((row) => [row.name, row]));
  const both = (key) => [rows.nginx[key], rows.HAProxy[key]];
  const odd = [...new Set(sums.upstream.flatMap((one) => Object.keys(one.odd)))];
  const list = (lines) => (lines.length ? lines.map((line) => wrap(`- ${line}`, '  ')).join('\n') : 'None.');
  const text = `# differential

What \`node test/edge/differential.mjs\` found with Weir ${versions.Weir}, nginx ${versions.nginx} and HAProxy ${versions.HAProxy}.

${wrap(`The same bytes, ${sums.cases} cases of the HTTP tables of the tests, go to all three. nginx and HAProxy are plain ` +
  'reverse proxies as they come: HTTP/1.1 and reuse of connections to the server behind, no switch that makes them stricter or ' +
  'more lenient. Behind each stands a bare server that keeps every byte, reads requests strictly by RFC 9112 and answers each ' +
  'with a valid result. Weir is the endpoint of MCP and reads bodies; the others pass on whatever is HTTP to them. Compared are ' +
  'the decisions: which requests of a case are taken and which refused (by a status, or by the end of the connection), and ' +
  'whether there was no answer within two seconds. A disagreement that fits no class fails the run.')}

## Numbers

${table(['', 'nginx', 'HAProxy'], [
  ['cases', sums.cases, sums.cases],
  ['decided as Weir does', ...both('same')],
  ['of these: the same statuses', ...both('statuses')],
  ['of these: the connection goes on, or ends, as with Weir', ...both('ends')],
  ['of these: as many requests at the server behind', ...both('reach')],
  ['decided otherwise', sums.cases - rows.nginx.same, sums.cases - rows.HAProxy.same],
  ...Object.entries(sides).map(([side, what]) => [`of these: ${what}`, sided(side, 'nginx'), sided(side, 'HAProxy')]),
])}

All three decide alike in ${sums.both} cases; Weir differs from both in ${sums.neither}.

## At the server behind

${table(['', ...sums.upstream.map(({ name }) => name)], [
  ['requests with a Content-Length', ...sums.upstream.map((one) => one.length)],
  ['requests in chunks', ...sums.upstream.map((one) => one.chunked)],
  ['requests without a body', ...sums.upstream.map((one) => one.none)],
  ['requests that it refused', ...sums.upstream.map((one) => one.broken)],
  ['cases with a request that never became whole', ...sums.upstream.map((one) => one.parts)],
  ...odd.map((what) => [`cases with ${what}`, ...sums.upstream.map((one) => one.odd[what] ?? 0)]),
])}

${wrap('Weir and nginx read a body whole before they pass it on; HAProxy passes it on while it comes, so that the server behind ' +
  'has often seen the head of what is refused later (how often depends on the moment). ' +
  'HAProxy 2.6 refuses trailers whose names are no tokens in some starts and takes them in others (the ' +
  'strictness of that parser is apparently not initialised there): its numbers differ between runs by up to six cases.')}

## Taken by Weir, refused by both others

${list(found.lenient.map((one) => `${one.table}: ${one.name} (${which(one)})`))}

More requests came to the server behind Weir than to either other:

${list(found.reached)}

## Classes

${wrap('weir: the standard demands what Weir does, or forbids what the proxy does. open: it leaves room for both, or demands ' +
  'neither. peer: it demands what the proxy does. above: HTTP has no say, the refusal is that of MCP or of the endpoint. N: all ' +
  'take it, and not as many come to the server behind.')}

${table(['class', 'nginx', 'HAProxy', 'side', 'bytes, of one case'], parted.map((one) => [
  one.id, one.nginx, one.HAProxy, classes[one.id][0], `\`${excerpt(one.id, one.first.got.Weir.sent, 70)}\``,
]))}

${parted.map(sentence).join('\n')}

## Every disagreement

Statuses in order; + the connection goes on, - it has ended, ... no answer within the bound.
${[...new Set(seen.map((one) => one.table))].map((name) => `
### ${name}

${table(['case', 'Weir', 'nginx', 'HAProxy', 'class'], found.parted.filter((one) => one.table === name)
    .map((one) => [one.name, said(one.got.Weir), said(one.got.nginx), said(one.got.HAProxy), which(one)]))}
`).join('')}${found.wrong.length ? `\n## Wrong\n\n${list(found.wrong)}\n` : ''}`;
  const long = text.split('\n').find((line) => line.length > width);
  if (long) throw new Error(`a line of ${long.length}: ${long}`);
  return text;
}
