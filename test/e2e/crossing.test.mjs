// A short run of the soak test: sessions with equal ids, tokens and subscription ids, every exchange checked by a nonce.
import assert from 'node:assert/strict';
import { crossing } from '../soak/crossing.mjs';

export const tests = {
  async 'nothing crosses and nothing is lost'({ full }) {
    const { line, crossed, lost } = await crossing({ sessions: 40, exchanges: full ? 20000 : 2000, seed: Date.now() % 1000, stdio: 1 });
    assert.deepEqual([crossed, lost], [[], []], line);
    return line;
  },
};
