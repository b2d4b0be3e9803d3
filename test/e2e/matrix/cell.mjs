// Every feature of one cell, each on its own and within its time.
import { pathToFileURL } from 'node:url';
import { features } from './features/index.mjs';

const limit = 60000; // only ends what hangs: three children that start side by side take seconds on a busy machine

async function within(ms, work, what) {
  let timer;
  try {
    return await Promise.race([work, new Promise((_, fail) => (timer = setTimeout(() => fail(new Error(`${what} took longer than ${ms} ms`)), ms)))]);
  } finally {
    clearTimeout(timer);
  }
}

const brief = (error) => String(error?.message ?? error).replace(/\x1b\[\d+m/g, '').replace(/\s+/g, ' ').slice(0, 300);

// column: its processes, or the error that kept them from starting.
export async function runCell({ row, column: { server } }, column, filter = '') {
  const { connect } = await import(pathToFileURL(row.client.file).href);
  const open = new Set();
  const enter = async (more = {}) => {
    const client = await within(limit, connect({ ...column.target(row.by), version: row.client.version, ...more }), 'connecting');
    open.add(client);
    return client;
  };
  const leave = (one) => (open.delete(one), within(4000, one.close(), 'closing').catch(() => {}));
  const results = {};
  let client;
  let refused = column instanceof Error ? new Error(`no gateway: ${brief(column)}`) : undefined;
  for (const feature of features) {
    if (!feature.name.includes(filter)) continue;
    const na = feature.na?.(row.client, server);
    if (na) {
      results[feature.name] = { na };
      continue;
    }
    const begun = Date.now();
    try {
      if (refused) throw refused;
      if (!client) {
        try {
          client = await enter();
        } catch (error) {
          throw (refused = new Error(`no connection: ${brief(error)}`));
        }
      }
      const wrong = client.wrong?.length;
      await within(limit, feature.run({ client, connect: enter, server: { ...server, folder: column.folder }, direct: column.direct }), 'it');
      if (client.wrong?.length > wrong) throw new Error(client.wrong[wrong]);
      results[feature.name] = { ok: true };
    } catch (error) {
      results[feature.name] = { fail: brief(error) };
      // What a failed check left behind must not disturb the next one.
      if (client) await leave(client);
      client = undefined;
    }
    results[feature.name].ms = Date.now() - begun;
    await Promise.all([...open].filter((one) => one !== client).map(leave));
  }
  await Promise.all([...open].map(leave));
  return results;
}
