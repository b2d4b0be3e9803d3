// The rows and columns of the matrix, what cannot be, and a choice of cells for every day.
import path from 'node:path';

const client = (name, kind, version) => ({ name, kind, version, era: version >= '2026' ? 'new' : 'old', file: path.join(import.meta.dirname, 'clients', `${kind}.mjs`) });
export const clients = [
  client('sdk1-2025-11-25', 'sdk1', '2025-11-25'),
  client('sdk2-2025-03-26', 'sdk2', '2025-03-26'),
  client('sdk2-2025-06-18', 'sdk2', '2025-06-18'),
  client('sdk2-2025-11-25', 'sdk2', '2025-11-25'),
  client('sdk2-2026-07-28', 'sdk2', '2026-07-28'),
  client('raw-2025-11-25', 'raw', '2025-11-25'),
  client('raw-2026-07-28', 'raw', '2026-07-28'),
];

const server = (flavour, eras) => ({ flavour, eras, file: path.join(import.meta.dirname, 'servers', `${flavour}.mjs`) });
export const servers = [server('sdk1', ['old']), server('sdk2-old', ['old']), server('sdk2-new', ['new']), server('sdk2-both', ['old', 'new'])];
export const transports = ['http', 'sse', 'stdio'];

export const impossible = {
  row: (one, transport) =>
    transport === 'sse' && one.era === 'new' &&
    '2026-07-28 basic/transports: "The binding pages specify the standard transports: 1. stdio, 2. Streamable HTTP": HTTP+SSE belongs to the old revisions.',
  column: (one, transport) => transport === 'sse' && one.flavour !== 'sdk1' && 'SDK v2 has no server for HTTP+SSE.',
};

export const rows = clients.flatMap((one) => transports.filter((by) => !impossible.row(one, by)).map((by) => ({ client: one, by, name: `${one.name}/${by}` })));
export const columns = servers.flatMap((one) => transports.filter((by) => !impossible.column(one, by)).map((by) => ({ server: one, by, name: `${one.flavour}/${by}` })));

export const cells = columns.flatMap((column) => rows.map((row) => ({ row, column, name: `${row.name} > ${column.name}` })));

// Without the gateway both ends must speak the same.
export const direct = cells.filter(({ row, column }) => row.by === column.by && column.server.eras.includes(row.client.era));

// A choice in which any two of client, its transport, server and its transport meet at least once.
export function pairwise() {
  const facets = ({ row, column }) => [`c ${row.client.name}`, `ct ${row.by}`, `s ${column.server.flavour}`, `st ${column.by}`];
  const pairs = (cell) => facets(cell).flatMap((a, i, every) => every.slice(i + 1).map((b) => `${a} ${b}`));
  const missing = new Set(cells.flatMap(pairs));
  const chosen = [];
  while (missing.size) {
    const gain = (cell) => pairs(cell).filter((pair) => missing.has(pair)).length;
    const best = cells.reduce((most, cell) => (gain(cell) > gain(most) ? cell : most));
    chosen.push(best);
    for (const pair of pairs(best)) missing.delete(pair);
  }
  return cells.filter((cell) => chosen.includes(cell));
}
