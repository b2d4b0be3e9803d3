// Starting and ending, again and again: endpoints become known on one shard while others are still being started.
import assert from 'node:assert/strict';
import { Upstream } from './upstream.mjs';
import { Weir } from './weir.mjs';

export const tests = {
  async 'a gateway with several endpoints starts and ends well, every time'({ full }) {
    const upstreams = await Promise.all(Array.from({ length: 3 }, () => Upstream.start({})));
    const endpoints = upstreams.map(({ url }) => ({ url }));
    const servers = Object.fromEntries(Array.from('abcd', (name) => [name, { endpoints }]));
    try {
      for (let i = 0; i < (full ? 500 : 40); ++i) {
        const weir = await Weir.start({ servers });
        assert.deepEqual(await weir.stop(), { code: 0, signal: null }, weir.log.slice(-500));
      }
    } finally {
      await Promise.all(upstreams.map((one) => one.stop()));
    }
  },
};
