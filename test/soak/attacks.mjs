// Attacks on the shipped binary, one after the other, and beside each of them two healthy clients, one from an address of its
// own and one from an attacker's: of either era, over connections that stay, 50 calls/s each. Loopback only, bounded. Usage:
// node attacks.mjs [--only NAME,NAME] [--seconds 4: of quiet before and after each] [--alone yes: nobody else uses the machine]
// [--weir PATH] [--write FILE]. Exit code 1 if a bound is broken. Each row is judged by its own bound: `ok`, or SHORT.
import os from 'node:os';
import { at, descriptors, last, option, report, sorted, table } from './measure.mjs';
import { startBeside } from './attack_beside.mjs';
import { floods } from './attack_floods.mjs';
import { addresses, alone, odd, start, token, well } from './attack_gateways.mjs';
import { memory } from './attack_memory.mjs';
import { refusals } from './attack_refusals.mjs';
import { shares } from './attack_shares.mjs';
import { slow } from './attack_slow.mjs';
import { unread } from './attack_unread.mjs';
import { cpu, forgetPeak, mib, peak, putFirst, rss } from './attack_wires.mjs';

const seconds = option('seconds', 4);
// Attackers have machines of their own: here they get what the others leave, where that can be had.
const behind = (() => {
  try {
    os.setPriority(15);
    for (const one of [well, odd]) putFirst(one.pid);
    return true;
  } catch {
    return false;
  }
})();
const attacks = { ...slow, ...unread, ...floods, ...refusals, ...memory, ...shares };
const wanted = option('only')?.split(',') ?? Object.keys(attacks);

const rows = [];
const clients = [];
const raw = [];
const errorsOf = (some) => Object.entries(some).map(([what, count]) => `${count} ${what}`).join(', ') || '0';
const p99 = (took) => at(sorted(took), 0.99);
const figure = (value) => (Number.isNaN(value) ? '-' : value.toFixed(1));
function both(one, two) {
  const errors = { ...one.errors };
  for (const [what, count] of Object.entries(two.errors)) errors[what] = (errors[what] ?? 0) + count;
  return { took: [...one.took, ...two.took], errors };
}
const judge = (into, row, good) => {
  into.push([...row, good ? 'ok' : 'SHORT']);
  console.error(into.at(-1).join('; '));
};

async function quiet(beside) {
  await beside.take();
  await last(seconds * 1000);
  return beside.take();
}
// One attack; `before`: what the healthy clients met when it was quiet. Gives what they met when it was quiet again.
async function attack(name, weir, beside, before) {
  const { pid } = weir.child;
  if (behind) putFirst(pid);
  const say = (what, bound, measured, good) => judge(rows, [name, what, bound, measured], good);
  const port = Number(new URL(weir.url).port);
  const world = { weir, url: weir.url, port, admin: weir.admin, pid, addresses, token, say, odd: odd.counts };
  forgetPeak(pid);
  await beside.take();
  const [begun, busy] = [performance.now(), cpu(pid)];
  await attacks[name](world).catch((error) => {
    console.error(error.stack);
    say('the measurement itself', 'no error', error.message, false);
  });
  // A short one goes on until there are calls enough beside it.
  const again = { ...world, say: () => {} };
  while (performance.now() - begun < 6000 && !alone[name]) await attacks[name](again).catch(() => last(1000));
  const during = await beside.take();
  const share = ((cpu(pid) - busy) * 1e5) / (performance.now() - begun);
  const most = peak(pid);
  await last(1500);
  const after = await quiet(beside);
  const direct = p99(during.direct.took) / p99(both(before.direct, after.direct).took);
  for (const [who, from] of [['own', 'its own'], ['beside', 'an attacker\'s']]) {
    const calm = both(before[who], after[who]);
    const [is, was] = [p99(during[who].took), p99(calm.took)];
    const ill = Object.keys(calm.errors).length ? `, when quiet ${errorsOf(calm.errors)}` : '';
    const errors = errorsOf(during[who].errors) + ill;
    const good = is <= 2 * was && errors === '0' && during[who].took.length > 0;
    const figures = [was, is, is / was, direct].map(figure);
    judge(clients, [name, from, during[who].took.length, errors, ...figures, `${share.toFixed(0)} %`, mib(most)], good);
  }
  raw.push({ name, before, during, after });
  return after;
}
async function beginBeside(weir) {
  const beside = await startBeside(weir.url + '/well', well.url, addresses[0], token);
  await last(1500);
  return beside;
}

// All that don't need a gateway of their own, over one.
async function shared(names) {
  if (!names.length) return;
  const weir = await start();
  const { pid } = weir.child;
  await weir.settled();
  const beside = await beginBeside(weir);
  await quiet(beside);
  const open = descriptors(pid);
  let most = 0;
  let before = await quiet(beside);
  for (const name of names) {
    before = await attack(name, weir, beside, before);
    most = Math.max(most, peak(pid));
  }
  const said = (what, bound, measured, good) => judge(rows, ['the whole run', what, bound, measured], good);
  // Connections to a server are let go after 4 s without a call.
  await last(5000);
  const now = descriptors(pid);
  said('descriptors before and after', 'no more than before', `${open} and ${now}`, now <= open);
  said('resident memory of the gateway that these share', 'told', `${mib(most)} at most, ${mib(rss(pid))} at the end`, true);
  await beside.stop();
  await last(1000);
  const busy = cpu(pid);
  await last(10000);
  const share = (cpu(pid) - busy) * 10;
  said('CPU over 10 s without a client', 'less than 1 %', `${share.toFixed(1)} %`, share < 1);
  const wrong = await weir.end();
  said('its end', 'exit code 0', wrong || '0', !wrong);
}
async function byItself(name) {
  const weir = await alone[name]();
  const beside = await beginBeside(weir);
  await attack(name, weir, beside, await quiet(beside));
  await beside.stop();
  const wrong = await weir.end();
  if (wrong) judge(rows, [name, 'its end', 'exit code 0', wrong], false);
}

await shared(wanted.filter((name) => !alone[name]));
for (const name of wanted.filter((one) => alone[one])) await byItself(name);
await Promise.all([well.stop(), odd.stop()]);
const bad = [...rows, ...clients].filter((row) => row.at(-1) !== 'ok').length;
const machine = option('alone')
  ? 'Nobody else used the machine.'
  : 'The machine was shared with other work meanwhile: times are upper bounds, and ratios of times say little by themselves.';
const names = ['attack', 'client from', 'calls', 'errors', 'quiet p99', 'p99', 'ratio', 'direct', 'CPU', 'peak memory', ''];
report(
  [
    'Attacks on the shipped binary over loopback, one after the other, and healthy clients beside each.',
    `${machine} Attackers, healthy clients, the servers behind and the gateway all ran on the same cores${
      behind ? ', attackers with what the others left (nice 15), as they would have machines of their own' : ''
    }.`,
    '',
    '## Attacks',
    '',
    table(['attack', 'what', 'bound', 'measured', ''], rows),
    '',
    '## Healthy clients beside them',
    '',
    `50 calls/s of each client, of both eras, over connections that stay. p99 in ms, quiet (${seconds} s before and after each `
      + 'attack) and during it. Bound: no error, p99 at most twice the quiet one. "direct": the same ratio for calls to the '
      + 'server itself, without the gateway, which is what the machine did. CPU: the gateway\'s, of one core.',
    '',
    table(names, clients),
    '',
    bad ? `${bad} rows are SHORT.` : 'All rows are ok.',
  ].join('\n'),
  { rows, clients, raw },
);
process.exit(bad ? 1 : 0);
