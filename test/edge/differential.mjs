// The bytes of every case of the HTTP tables (test/e2e/edge_*.test.mjs), sent to Weir, to nginx and to HAProxy, each before a
// bare upstream of its own: who takes and who refuses, whether the connection goes on, what comes to the upstream. Every
// disagreement needs a class (classes.mjs, rules.mjs). Usage: node differential.mjs [--weir PATH] [--only PATTERN]
// [--write FILE]. Exit code 1: a disagreement without a class, an answer of Weir's that its table does not have, something that
// came to Weir's upstream beside what it took or in another form, or another call than at the proxies; 2: no nginx or HAProxy.
import fs from 'node:fs';

const option = (name) => (process.argv.includes(`--${name}`) ? process.argv[process.argv.indexOf(`--${name}`) + 1] : undefined);
if (option('weir')) process.env.WEIR = option('weir');
const only = new RegExp(option('only') ?? '');
const { startGates, versions } = await import('./gates.mjs');
const { decision, observeSurely } = await import('./observe.mjs');
const { classes } = await import('./classes.mjs');
const { explain, facts, reachRules, rules } = await import('./rules.mjs');
const { document } = await import('./document.mjs');

const tables = [
  { name: 'framing', config: {} },
  { name: 'chunked', config: { limits: { body: '64KB' } } }, // as the table has it
  { name: 'request_line', config: {} },
  { name: 'headers', config: {} },
];

let tools;
try {
  tools = versions();
} catch (error) {
  console.error(`nginx and haproxy are needed: ${error.message}`);
  process.exit(2);
}

// {table, name, want, got: {Weir, nginx, HAProxy}} for each case.
async function run({ name: table, config }) {
  const cases = (await import(`../e2e/edge_${table}.test.mjs`)).cases.filter(({ name }) => only.test(name));
  const gates = cases.length ? await startGates(config) : [];
  const seen = [];
  try {
    for (const one of cases) {
      const all = await Promise.all(gates.map((gate) => observeSurely(one, gate)));
      const got = Object.fromEntries(gates.map(({ name }, i) => [name, { ...all[i], decision: decision(all[i]) }]));
      seen.push({ table, name: one.name, want: [one.status ?? []].flat(), got });
    }
  } finally {
    for (const gate of gates) await gate.stop();
  }
  return seen;
}

// What is wrong or to be justified, and the class of every disagreement.
function judge(seen) {
  const found = { wrong: [], lenient: [], parted: [], reached: [], ends: [] };
  for (const one of seen) {
    const { Weir, ...peers } = one.got;
    const title = `${one.table}: ${one.name}`;
    const tell = (what) => found.wrong.push(`${title}: ${what}`);
    const statuses = Weir.answers.map(({ status }) => status);
    if (one.want.some((status, i) => status !== statuses[i])) tell(`Weir answers ${statuses}, not ${one.want}`);
    // What came to the upstream was answered for, and framed by one length.
    const taken = Weir.answers.filter(({ status }) => status === 200).length;
    const { reached, parts, odd, asked } = Weir;
    if (reached.length > taken || parts) tell(`${reached.length} and ${parts} parts came to the upstream, ${taken} taken`);
    if (odd.length || reached.some((framing) => framing !== 'length')) tell(`Weir passes on ${odd} ${reached}`);
    one.classes = {};
    for (const [name, peer] of Object.entries(peers)) {
      const about = facts(Weir, peer, name, Weir.decision, peer.decision);
      const differs = Weir.decision !== peer.decision;
      const number = reached.length !== peer.reached.length;
      const id = differs ? explain(rules, about) : number ? explain(reachRules, about) : undefined;
      if (id) one.classes[name] = id;
      else if (differs || number)
        tell(`no class: Weir ${Weir.decision} ${statuses}, ${name} ${peer.decision} ` +
          `${peer.answers.map(({ status }) => status)}, reached ${reached.length} and ${peer.reached.length}`);
      const same = !differs && !number && String(asked) === String(peer.asked);
      if (!differs && !number && !same) tell(`Weir calls with ${asked}, ${name} with ${peer.asked}`);
      if (!differs && Weir.end !== peer.end) found.ends.push(`${title}: ${Weir.end}, at ${name} ${peer.end}`);
    }
    const { nginx, HAProxy } = one.got;
    // At some request Weir says yes and both say no.
    const both = (letter, i) => letter === 'A' && nginx.decision[i] === 'R' && HAProxy.decision[i] === 'R';
    if ([...Weir.decision].some(both)) found.lenient.push(one);
    if (Object.keys(one.classes).length) found.parted.push(one);
    if ([nginx, HAProxy].every((peer) => peer.reached.length < reached.length)) found.reached.push(title);
  }
  return found;
}

const count = (list, test) => list.filter(test).length;
function numbers(seen) {
  const rows = ['nginx', 'HAProxy'].map((name) => {
    const same = seen.filter(({ got }) => got.Weir.decision === got[name].decision);
    const first = ({ answers }) => answers.map(({ status }) => status).join();
    const ended = ({ end }) => (end === 'waits' ? 'closed' : end);
    return {
      name,
      same: same.length,
      statuses: count(same, ({ got }) => first(got.Weir) === first(got[name])),
      ends: count(same, ({ got }) => ended(got.Weir) === ended(got[name])),
      reach: count(same, ({ got }) => got.Weir.reached.length === got[name].reached.length),
    };
  });
  const as = ({ got }, name) => got.Weir.decision === got[name].decision;
  const both = count(seen, (one) => as(one, 'nginx') && as(one, 'HAProxy'));
  const neither = count(seen, (one) => !as(one, 'nginx') && !as(one, 'HAProxy'));
  const upstream = ['Weir', 'nginx', 'HAProxy'].map((name) => {
    const all = seen.map(({ got }) => got[name]);
    const framings = all.flatMap(({ reached }) => reached);
    const odd = {};
    for (const what of all.flatMap((one) => one.odd)) odd[what] = (odd[what] ?? 0) + 1;
    const kinds = ['length', 'chunked', 'none', 'broken'];
    const framed = Object.fromEntries(kinds.map((how) => [how, count(framings, (one) => one === how)]));
    return { name, odd, ...framed, parts: count(all, ({ parts }) => parts > 0) };
  });
  return { cases: seen.length, both, neither, rows, upstream };
}

const seen = [];
for (const table of tables) seen.push(...(await run(table)));
const found = judge(seen);
const sums = numbers(seen);
console.log(`${sums.cases} cases; all three decide alike in ${sums.both}, Weir alone in ${sums.neither}`);
for (const { name, same, statuses, ends, reach } of sums.rows)
  console.log(`${name}: as Weir in ${same}; statuses too in ${statuses}, connection in ${ends}, upstream in ${reach}`);
for (const one of found.parted) {
  const told = ([name, { decision: what, answers, end }]) => `${name} ${what} ${answers.map(({ status }) => status)} ${end}`;
  const ids = Object.entries(one.classes).map(([name, id]) => `${name} ${id}`);
  console.log(`${one.table}: ${one.name}: ${Object.entries(one.got).map(told).join('; ')}: ${ids.join(', ')}`);
}
const pairs = new Set(found.parted.flatMap((one) => Object.entries(one.classes).map(([name, id]) => `${id} ${name}`)));
for (const pair of [...pairs].sort()) {
  const [id, name] = pair.split(' ');
  console.log(`${pair}: ${classes[id][2].replaceAll('{peer}', name)} (${classes[id][1]})`);
}
for (const one of found.lenient) console.log(`taken by Weir alone: ${one.table}: ${one.name} (${Object.values(one.classes)})`);
for (const title of found.reached) console.log(`more came to Weir's upstream than to either other: ${title}`);
for (const line of found.ends) console.log(`decided alike, ended otherwise: ${line}`);
for (const line of found.wrong) console.log(`WRONG ${line}`);
console.log(`${found.parted.length} disagreements, ${found.wrong.length} wrong`);
if (option('write')) fs.writeFileSync(option('write'), document({ versions: tools, sums, found, seen }));
process.exit(found.wrong.length ? 1 : 0);
