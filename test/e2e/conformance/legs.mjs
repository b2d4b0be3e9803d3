// The legs: which suite at which revision, from which side, over what, against which era.
const revisions = { 0.1: ['2025-06-18', '2025-11-25'], 0.2: ['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'] };
const eras = ['old', 'new', 'both'];

// A leg's name is its words. `server`: the suite asks, the fixture serves over `transport` in `era`. `client`: the
// suite serves, the fixture asks in `era`. `direct`: without a gateway between them, which shows what the suite and
// the fixture themselves fail.
const leg = (direction, suite, revision, transport, era) => ({ direction, suite, revision, transport, era, name: [direction, suite, revision, transport, era].filter(Boolean).join(' ') });

const perSuite = (make, from = '') => Object.entries(revisions).flatMap(([suite, list]) => list.filter((revision) => revision > from).flatMap((revision) => make(suite, revision)));
export const server = perSuite((suite, revision) => ['http', 'stdio'].flatMap((transport) => eras.map((era) => leg('server', suite, revision, transport, era))));
// Before 2025-06-18 the suite has scenarios of authorization only for clients. A client that speaks both eras speaks
// the new one to a gateway.
export const client = perSuite((suite, revision) => ['old', 'new'].map((era) => leg('client', suite, revision, undefined, era)), '2025-03-26');
export const direct = [
  ...perSuite((suite, revision) => leg('direct server', suite, revision)),
  ...perSuite((suite, revision) => leg('direct client', suite, revision), '2025-03-26'),
];
export const all = [...direct, ...server, ...client];

// A small choice: every suite, every revision with every transport, every transport with every era and every era with
// either kind of revision (without a transport: with every revision) that some leg has, is in a chosen leg.
export function pairwise(legs) {
  const pairs = ({ suite, revision, transport, era }) => (transport ? [suite, `${revision} ${transport}`, `${transport} ${era}`, `${revision > '2026'} ${era}`] : [suite, `${revision} ${era}`]);
  const open = new Set(legs.flatMap(pairs));
  const chosen = [];
  while (open.size) {
    const gain = (one) => pairs(one).filter((pair) => open.has(pair)).length;
    const best = legs.reduce((a, b) => (gain(b) >= gain(a) ? b : a)); // the later the newer
    for (const pair of pairs(best)) open.delete(pair);
    chosen.push(best);
  }
  return chosen;
}
