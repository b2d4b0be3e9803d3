// Runs one leg and tells what the suite saw: scenarios run, and every check that is not a success.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Weir, until } from '../weir.mjs';
import { run as runClient, told } from './client.mjs';
import { Relay } from './relay.mjs';
import { bundle } from './suite.mjs';

const here = (name) => path.join(import.meta.dirname, name);
const fixture = here('server.mjs');

// Runs a node script until it ends or `ms` are over; its output whole.
function run(args, { ms, env } = {}) {
  return new Promise((done) => {
    const child = spawn(process.execPath, args, { env: { ...process.env, ...env } });
    const timer = setTimeout(() => child.kill(), ms);
    let out = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (out += data));
    child.on('close', (code) => {
      clearTimeout(timer);
      done({ code, out });
    });
  });
}
const bundles = {};
const suite = (version, args, options) => run([(bundles[version] ??= bundle(version)), ...args], options);

// The suite's client scenarios at a revision but authorization, which is no matter of the fixture.
const listed = {};
async function clientScenarios({ suite: version, revision }) {
  listed[version] ??= suite(version, ['list', '--client'], { ms: 30000 });
  const lines = [...(await listed[version]).out.matchAll(/^ +- (\S+) \[(.*)\]$/gm)];
  return lines.filter(([, name, at]) => !name.startsWith('auth/') && at.split(',').includes(revision)).map(([, name]) => name);
}

// The checks that the suite left in `folder`, by scenario; none where a scenario died.
function read(folder) {
  const found = {};
  for (const name of fs.existsSync(folder) ? fs.readdirSync(folder) : []) {
    const scenario = /^(?:server-)?(.*)-\d{4}-\d\d-\d\dT[\dZ-]+$/.exec(name)[1];
    const file = path.join(folder, name, 'checks.json');
    found[scenario] = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file)) : [];
  }
  return found;
}

// What is not a success, a check once with its worst status. SHOULDs (warnings) and checks that the suite skipped
// because it did not find what it looks for count too; so does a scenario in which nothing was seen to succeed.
function failuresOf(scenario, checks, out) {
  const worst = ['SKIPPED', 'WARNING', 'FAILURE'];
  const failures = new Map();
  for (const { id, name, status, errorMessage, details } of checks) {
    const key = `${id} ${name}`;
    if (!worst.includes(status) || worst.indexOf(failures.get(key)?.status) >= worst.indexOf(status)) continue;
    failures.set(key, { scenario, check: id, name, status, message: errorMessage ?? JSON.stringify(details ?? {}) });
  }
  if (!failures.size && !checks.some(({ status }) => status === 'SUCCESS')) failures.set('', { scenario, check: 'nothing-observed', name: '', status: 'FAILURE', message: checks.at(-1)?.details?.message ?? out.trim().split('\n').slice(-3).join(' | ') });
  return [...failures.values()];
}

async function startFixture(era) {
  const child = spawn(process.execPath, [fixture, '--era', era], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  let out = '';
  child.stdout.on('data', (data) => (out += data));
  await until(() => out.includes('\n') || child.exitCode !== null, 10000, 'the fixture');
  return { url: out.trim(), stop: () => new Promise((done) => child.once('exit', done) && child.kill()) };
}

async function serverSide(leg, folder, result) {
  const direct = leg.direction === 'direct server';
  const upstream = leg.transport === 'stdio' ? undefined : await startFixture(leg.era ?? 'both');
  const config = upstream ? { url: upstream.url } : { command: process.execPath, args: [fixture, '--stdio', '--era', leg.era] };
  const weir = direct ? undefined : await Weir.start({ servers: { fixture: config } });
  try {
    await weir?.settled();
    const { out } = await suite(leg.suite, ['server', '--url', weir?.url ?? upstream.url, '--suite', 'all', '--spec-version', leg.revision, '-o', folder], { ms: 170000 });
    const found = read(folder);
    for (const [scenario, checks] of Object.entries(found)) result.add(scenario, failuresOf(scenario, checks, out));
    const promised = Number(/\((\d+) scenarios\)/.exec(out)?.[1]);
    if (Object.keys(found).length !== promised) result.add('suite', [{ scenario: 'suite', check: 'incomplete', name: '', status: 'FAILURE', message: `${Object.keys(found).length} of ${promised} scenarios: ${out.slice(-300)}` }]);
    result.log = weir?.log;
  } finally {
    const how = await weir?.stop();
    await upstream?.stop();
    if (how && how.code !== 0) result.add('gateway', [{ scenario: 'gateway', check: 'exit', name: '', status: 'FAILURE', message: JSON.stringify(how) }]);
  }
}

// A client that ends with an error fails its scenario though all that was seen is well.
async function clientSide(leg, folder, result) {
  const relay = leg.direction === 'client' ? await Relay.start(runClient, told) : undefined;
  const command = relay?.command ?? `${process.execPath} ${here('client.mjs')}`;
  const env = leg.era ? { ERA: leg.era } : {};
  try {
    for (const scenario of await clientScenarios(leg)) {
      const place = path.join(folder, scenario);
      const { code, out } = await suite(leg.suite, ['client', '--command', command, '--scenario', scenario, '--spec-version', leg.revision, '--timeout', '30000', '-o', place], { ms: 60000, env });
      const found = read(place)[scenario] ?? [];
      const failures = failuresOf(scenario, found, out);
      const said = fs.existsSync(place) ? fs.readdirSync(place).map((name) => fs.readFileSync(path.join(place, name, 'stderr.txt'), 'utf8').trim()).join() : '';
      if (/CLIENT (EXITED|TIMED)/.test(out)) failures.push({ scenario, check: 'client-exit', name: '', status: 'FAILURE', message: said || `exit code ${code}` });
      result.add(scenario, failures);
    }
  } finally {
    await relay?.stop();
  }
}

// `keep`: a folder for what the suite and the gateway wrote.
export async function runLeg(leg, keep) {
  const folder = keep ? path.join(keep, leg.name.replaceAll(' ', '-')) : fs.mkdtempSync(path.join(os.tmpdir(), 'weir-conformance-'));
  const begun = Date.now();
  const result = { leg, run: 0, passed: 0, failures: [] };
  result.add = (_, failures) => {
    ++result.run;
    if (!failures.length) ++result.passed;
    result.failures.push(...failures);
  };
  try {
    await (leg.direction.endsWith('server') ? serverSide : clientSide)(leg, folder, result);
  } catch (error) {
    result.failures.push({ scenario: 'leg', check: 'error', name: '', status: 'FAILURE', message: error.message });
  } finally {
    if (!keep) fs.rmSync(folder, { recursive: true, force: true });
    else if (result.log) fs.writeFileSync(path.join(folder, 'gateway.log'), result.log);
  }
  result.seconds = (Date.now() - begun) / 1000;
  return result;
}
