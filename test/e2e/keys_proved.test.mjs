// Every key about load, health and faults changes what happens: for each that the schema knows, the test that shows it. A key
// without an entry, an entry without a key, a test that is not there or does not name its key: each fails.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { binary } from './weir.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const breaker = ['e2e/breaker.test.mjs', 'each threshold opens it, and each key changes what happens'];
const bulkhead = (title) => ['e2e/bulkhead.test.mjs', title];
const full = bulkhead('a full queue refuses at once, one that waits in vain after queue_timeout, both with when to try again');
const retries = (title) => ['e2e/retries.test.mjs', title];
const hedging = retries('hedging: a slow one is outrun within its budget, and a write is not hedged');
const budget = retries('the budget holds when everything fails');
const pauses = ['resilience/budget_test.cc', 'Backoff.EachJitterKeepsItsBounds'];
const other = ['e2e/fallbacks.test.mjs', 'another server stands in for one that cannot answer, and says whose place it takes'];
const fixed = ['e2e/fallbacks.test.mjs', 'a fixed answer: of a server, of a tool; marked, and an error unless told otherwise'];
const rules = ['e2e/fallbacks.test.mjs', 'retries and hedges that a rule leaves out are left out only while it acts'];
const shed = ['e2e/fallbacks.test.mjs', 'calls are shed as the rules say: of which server, and up to which priority'];
const probes = ['e2e/probes.test.mjs', 'probes by connecting and by a GET'];
const outliers = ['health/verdict_calls_test.cc', 'VerdictCalls.LimitsOfCallsAreAsConfigured'];
const ejection = ['health/verdict_trials_test.cc', 'VerdictTrials.ThePauseOfAnEjectionIsCapped'];
const thresholds = ['health/verdict_test.cc', 'VerdictTest.ThresholdsAreAsConfigured'];

const proofs = {
  timeout: {
    request: ['e2e/edges.test.mjs', 'limits and timeouts change without a restart of anything'],
    connect: ['e2e/edges.test.mjs', 'a connection is waited for as long as timeout.connect says'],
    list: ['e2e/edges.test.mjs', 'a list waits for a server that is up as long as timeout.list says'],
    startup: ['e2e/edges.test.mjs', 'a first list waits for a server that starts as long as timeout.startup says'],
    input: ['e2e/parked.test.mjs', 'and no longer than timeout.input'],
  },
  tls: { ca: ['e2e/servers.test.mjs', 'six servers as one, official clients at every revision'] },
  endpoints: {
    url: ['e2e/reload_endpoints.test.mjs', 'a key in an endpoint\\\'s URL that becomes another one is used from then on'],
    weight: ['e2e/balancing.test.mjs', 'calls are shared by weight as the strategy says'],
    priority: ['e2e/balancing.test.mjs', 'a backup gets nothing while one of its betters is well enough, everything when none is, and nothing after'],
  },
  load_balancing: {
    strategy: ['e2e/balancing.test.mjs', 'calls are shared by weight as the strategy says'],
    window: ['balance/adaptive_test.cc', 'Adaptive.HowLongAgoThatIsFollowsTheWindow'],
    virtual_nodes: ['balance/ring_test.cc', 'Ring.MoreVirtualNodesShareMoreEvenly'],
    hash_key: ['e2e/balancing.test.mjs', 'consistent_hash keeps what has the key in common together; only the keys of one that dies move, and come back'],
    bounded_load: ['balance/ring_test.cc', 'Ring.NoEndpointEverHasMoreThanItsBound'],
    weights: ['e2e/balancing.test.mjs', 'weighted_round_robin spreads the turns of the heavy one; weights by address do the same'],
    panic_threshold: ['e2e/explain.test.mjs', 'panic, and a lone endpoint, are called by name'],
    slow_start: ['balance/picker_test.cc', 'EachStrategy.AShareGrowsLinearlyAfterAReturn'],
  },
  health_check: {
    type: probes,
    interval: ['e2e/probes.test.mjs', 'an idle one is asked at the interval'],
    timeout: ['health/probe_timer_test.cc', 'ProbeTimer.AConfiguredTimeoutStands'],
    unhealthy_threshold: thresholds,
    healthy_threshold: thresholds,
    jitter: ['health/probe_timer_test.cc', 'ProbeTimer.JitterIsAShareOfThePauseEitherWay'],
    path: probes,
    expected_status: probes,
  },
  outlier_detection: {
    enabled: ['health/verdict_breaker_test.cc', 'VerdictBreaker.ItWorksWithoutOutlierDetection'],
    consecutive_failures: outliers,
    consecutive_5xx: outliers,
    error_rate: outliers,
    min_requests: outliers,
    window: ['sim/health_scene_test.cc', 'HealthScene.TheRateIsThatOfTheWindowAsConfigured'],
    base_ejection_time: ejection,
    max_ejection_time: ejection,
    max_ejected: ['sim/health_scene_test.cc', 'HealthScene.NoMoreAreEjectedThanMaxEjected'],
  },
  circuit_breaker: {
    failure_threshold: breaker,
    success_threshold: breaker,
    timeout: ['health/verdict_breaker_test.cc', 'VerdictBreaker.PausesGrowButNoLongerThanItsTimeout'],
    half_open_max_requests: ['e2e/breaker.test.mjs', 'half open, no more than half_open_max_requests are under way, and a client that leaves takes no place with it'],
    error_rate_threshold: breaker,
  },
  retry: {
    max_attempts: retries('what decides whether a call is repeated: trust, configuration, and nothing else'),
    initial_delay: pauses,
    max_delay: pauses,
    jitter: pauses,
    budget,
    budget_reserve: budget,
  },
  hedge: { delay: hedging, budget: hedging },
  bulkhead: {
    max_concurrent: bulkhead('a server never has more than max_concurrent; the others wait for their turn'),
    max_queue: full,
    queue_timeout: full,
    client_share: bulkhead('one greedy client leaves another client served'),
    adaptive: bulkhead('adaptive: the limit begins low and grows while calls are quick and it is needed'),
  },
  fallback: { server: other, text: fixed, error: fixed },
  degradation: { when: shed, hedge: rules, retry: rules, shed },
  tools: {
    timeout: retries('a client gives a deadline: it is kept in every fault, told on, and bounded by the configuration'),
    fallback: fixed,
    safe_to_repeat: retries('what decides whether a call is repeated: trust, configuration, and nothing else'),
    max_concurrent: bulkhead('a tool has a limit of its own; calls of others pass those that wait'),
  },
};

// The keys that a part of the schema lists, however it is wrapped.
function keysOf(part) {
  if (part?.properties) return Object.keys(part.properties);
  for (const inner of [...(part?.anyOf ?? []), part?.items, part?.additionalProperties]) {
    const found = inner && typeof inner === 'object' ? keysOf(inner) : undefined;
    if (found) return found;
  }
}
// The text of one test; nothing where there is none.
function body(file, title) {
  const text = fs.readFileSync(path.join(root, 'test', file), 'utf8');
  const heads = file.endsWith('.cc') ? /^TEST(?:_[FP])?\((?<suite>\w+), (?<name>\w+)\)/gm : /^ {2}(?:async )?'(?<name>(?:[^'\\]|\\.)*)'/gm;
  const all = [...text.matchAll(heads)];
  const at = all.findIndex(({ groups }) => (groups.suite ? `${groups.suite}.${groups.name}` : groups.name) === title);
  return at < 0 ? undefined : text.slice(all[at].index + all[at][0].length, all[at + 1]?.index);
}

export const tests = {
  'each key has a test that shows what it does': async () => {
    const schema = JSON.parse(execFileSync(binary, ['schema']));
    const places = { ...schema.definitions.server.properties, degradation: schema.properties.degradation };
    assert.deepEqual(Object.keys(places).filter((name) => keysOf(places[name])).sort(), Object.keys(proofs).sort(), 'blocks with keys');
    let count = 0;
    for (const [block, rows] of Object.entries(proofs)) {
      assert.deepEqual(Object.keys(rows).sort(), keysOf(places[block]).sort(), `the keys of ${block}`);
      for (const [key, [file, title]] of Object.entries(rows)) {
        const text = body(file, title);
        assert.ok(text, `${block}.${key}: test/${file} has no test "${title}"`);
        assert.match(text, new RegExp(`\\b${key}\\b`), `${block}.${key}: "${title}" does not name it`);
        ++count;
      }
    }
    return `${count} keys`;
  },
};
