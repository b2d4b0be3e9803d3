// A short run of the chaos suite: its first seeds. And its gate, which has to harm what it is told to.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Caller } from '../chaos/caller.mjs';
import { kinds } from '../chaos/gate.mjs';
import { judge, runs } from '../chaos/judge.mjs';
import { chaos, line } from '../chaos/run.mjs';
import { schedule } from '../chaos/schedule.mjs';
import { Upstream } from '../chaos/stage.mjs';

// What a client sees of each, and how often the call has run then, if that is certain.
const seen = {
  refuse: ['closed', 'ECONNREFUSED', 0], reset_request: ['closed', 'ECONNRESET', 0], reset_answer: ['closed', 'ECONNRESET', 1], reset_in: ['closed', /ECONNRESET|HPE/, 1],
  reset_after: [/ok|closed/, undefined, 1], hole: ['left', undefined, 0], deaf: ['left', undefined, 0], delay: ['ok', undefined, 1], trickle: ['left', undefined, 1],
  corrupt: ['wrong', undefined, 1], truncate: ['closed', /cut|ECONNRESET|HPE/, 1], half_close: ['closed', /ECONNRESET|HPE/, 1], garbage: ['closed', /HPE|ECONNRESET/, 1],
  flap: ['closed', 'ECONNREFUSED', 0], kill: ['closed', 'ECONNREFUSED', 0], stop: ['left', undefined, 0], exhaust: ['closed', /ECONNRESET|HPE/],
  wrong_id: ['wrong', undefined, 1], s503: ['http', undefined, 0], s500: ['http', undefined, 1],
};

export const tests = {
  async 'the gate and its upstream do what they are told, and heal'() {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weir-gate-'));
    const journal = path.join(folder, 'journal');
    fs.writeFileSync(journal, '');
    const upstream = await Upstream.start({ name: 'n', era: 'new', journal });
    try {
      for (const [kind, [outcome, reason, ran]] of Object.entries(seen)) {
        const caller = new Caller(upstream.gate.url, { version: '2026-07-28', from: '127.0.0.1' }, { prefixed: false, servers: ['n'] });
        await upstream.begin({ kind, share: 1, ms: kind === 'flap' ? 1e6 : 30, cut: true, flush: false, seed: 3 });
        const abort = new AbortController();
        const leaves = outcome === 'left' && setTimeout(() => abort.abort(), 300);
        const left = new Promise((done) => abort.signal.addEventListener('abort', () => done({ outcome: 'left' })));
        const make = () => caller.call({ server: 'n', kind: 'write', n: 0, at: 0 });
        const call = make();
        let one = await Promise.race([call, left]);
        // Connections that end just now give descriptors back.
        for (let tries = 0; kind === 'exhaust' && one.outcome === 'ok' && tries < 100; ++tries) caller.close(), (one = await make());
        clearTimeout(leaves);
        assert.match(one.outcome, new RegExp(outcome), `${kind}: ${JSON.stringify(one)}`);
        if (reason) assert.match(one.reason, new RegExp(reason), kind);
        const lines = fs.readFileSync(journal, 'utf8').split('\n').filter((text) => text.startsWith('run')).length;
        if (kind !== 'exhaust') assert.equal(lines, ran, `${kind}: how often it ran`);
        await upstream.heal();
        const after = await new Caller(upstream.gate.url, { version: '2026-07-28', from: '127.0.0.1' }, { prefixed: false }).call({ server: 'n', kind: 'read', n: 0, at: 0 });
        assert.equal(after.outcome, 'ok', `${kind} healed: ${JSON.stringify(after)}`);
        await call;
        caller.close();
        fs.truncateSync(journal);
      }
      assert.deepEqual(kinds.filter((kind) => !seen[kind]), [], 'kinds that nobody looks at');
    } finally {
      await upstream.end();
      fs.rmSync(folder, { recursive: true });
    }
  },

  async 'the judge sees every rule that is broken, and a seed is a schedule'() {
    const write = { n: 1, kind: 'write', server: 'n', by: '2026-07-28', at: 0, key: 'k' };
    const error = (code, reason, sent) => ({ ...write, outcome: 'error', code, reason, sent });
    const cases = [
      [{ ...write, outcome: 'ok' }, 1, null], [{ ...write, outcome: 'ok' }, 0, /never ran/], [{ ...write, outcome: 'ok' }, 2, /twice/],
      [{ ...write, kind: 'same', outcome: 'ok' }, 2, null], [{ ...write, outcome: 'lost' }, 0, /never ended/], [{ ...write, outcome: 'closed' }, 0, /without an answer/],
      [error(1007, 'outcome_unknown', 'maybe'), 1, null], [error(1007, 'outcome_unknown', 'maybe'), 0, null], [error(1007, 'outcome_unknown', 'no'), 0, /wrong thing/],
      [error(1001, 'unreachable', 'no'), 0, null], [error(1001, 'unreachable', 'no'), 1, /said not to be sent/], [error(1003, 'deadline_exceeded', 'maybe'), 1, null],
      [error(1006, 'cancelled', 'maybe'), 1, /by nobody/], [error(-32603, undefined, undefined), 0, /none of these/], [error(1001, 'outcome_unknown', 'no'), 0, /none of these/],
    ];
    for (const [record, times, rule] of cases) {
      const broken = judge([record], runs(Array(times).fill(['run', 'n', 'write', 'k', '1']))).join('\n');
      if (rule) assert.match(broken, rule, JSON.stringify(record));
      else assert.equal(broken, '', JSON.stringify(record));
    }
    assert.deepEqual(schedule(7), schedule(7));
    assert.notDeepEqual(schedule(7), schedule(8));
  },

  async 'whatever befalls the upstreams, each call ends once, and nothing is doubled, crossed, lost or left behind'({ full }) {
    const sum = await chaos({ seeds: full ? 40 : 10, jobs: 4, seconds: 100 });
    assert.equal(sum.broken.length, 0, [line(sum), ...sum.broken.map((one) => `SEED=${one.seed} make chaos: ${one.broken.slice(0, 3).join('; ')}`)].join('\n'));
    assert.equal(sum.seeds > 3, true, 'too slow to tell anything');
    return line(sum);
  },
};
