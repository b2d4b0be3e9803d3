// A short run of the chaos suite: its first seeds.
import assert from 'node:assert/strict';
import { chaos, line } from '../chaos/run.mjs';

export const tests = {
  async 'whatever befalls the upstreams, each call ends once, and nothing is doubled, crossed, lost or left behind'({ full }) {
    const sum = await chaos({ seeds: full ? 60 : 12, jobs: 3, seconds: 120 });
    assert.equal(sum.broken.length, 0, [line(sum), ...sum.broken.map((one) => `SEED=${one.seed} make chaos: ${one.broken.slice(0, 3).join('; ')}`)].join('\n'));
    return line(sum);
  },
};
