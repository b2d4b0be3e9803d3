// The fixture client of the official suite, on SDK v2. Usage: client.mjs URL. The suite names the scenario and its data
// in the environment; ERA tells which revision this client speaks: old, new, both (it asks the server).
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const modes = { old: 'legacy', new: { pin: '2026-07-28' }, both: 'auto' };

// What the suite and the runner say in the environment.
export const told = ({ MCP_CONFORMANCE_SCENARIO: scenario, MCP_CONFORMANCE_PROTOCOL_VERSION: revision = '', MCP_CONFORMANCE_CONTEXT: context = '{}', ERA: era = revision < '2026' ? 'old' : 'new' }) => ({ scenario, era, context });

// What a client of each scenario can do beyond calling tools.
const capabilities = {
  'elicitation-sep1034-client-defaults': { elicitation: { form: { applyDefaults: true } } },
  'request-metadata': { roots: { listChanged: true }, sampling: {}, elicitation: {} },
  'sep-2322-client-request-state': { elicitation: {} },
};
const content = { 'elicitation-sep1034-client-defaults': {}, 'sep-2322-client-request-state': { confirmed: true } };

// What a client of each scenario does once it is connected; the rest lists the tools.
const deeds = {
  tools_call: (client) => client.callTool({ name: 'add_numbers', arguments: { a: 5, b: 3 } }),
  'elicitation-sep1034-client-defaults': (client) => client.callTool({ name: 'test_client_elicitation_defaults', arguments: {} }),
  'sse-retry': (client) => client.callTool({ name: 'test_reconnection', arguments: {} }),
  // Calls that must not carry over what others left, and a result without its type, which the SDK refuses.
  async 'sep-2322-client-request-state'(client) {
    for (const name of ['test_mrtr_echo_state', 'test_mrtr_no_state', 'test_mrtr_unrelated']) await client.callTool({ name, arguments: {} });
    await client.callTool({ name: 'test_mrtr_no_result_type', arguments: {} }).catch(() => {});
  },
  async 'http-standard-headers'(client, tools) {
    for (const { name } of tools) await client.callTool({ name, arguments: {} });
    for (const { uri } of (await client.listResources()).resources) await client.readResource({ uri });
    for (const { name } of (await client.listPrompts()).prompts) await client.getPrompt({ name, arguments: {} });
  },
  async 'http-custom-headers'(client, tools, context) {
    for (const call of JSON.parse(context).toolCalls) await client.callTool({ name: call.name, arguments: call.arguments });
  },
  async 'http-invalid-tool-headers'(client, tools) {
    for (const { name } of tools) await client.callTool({ name, arguments: { region: 'us-west1' } }).catch(() => {});
  },
  'json-schema-2020-12-preservation': (client, tools) =>
    client.callTool({ name: 'json_schema_echo', arguments: { schema: tools.find(({ name }) => name === 'json_schema_2020_12_tool').inputSchema } }),
};

export async function run(url, { scenario, era, context }) {
  const can = capabilities[scenario] ?? {};
  const client = new Client({ name: 'conformance-fixture', version: '1.0.0' }, { capabilities: can, versionNegotiation: { mode: modes[era] } });
  if (can.elicitation) client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: content[scenario] ?? {} }));
  if (can.sampling) client.setRequestHandler('sampling/createMessage', async () => ({ role: 'assistant', model: 'fixture', content: { type: 'text', text: 'pong' } }));
  if (can.roots) client.setRequestHandler('roots/list', async () => ({ roots: [] }));
  try {
    await client.connect(new StreamableHTTPClientTransport(new URL(url)));
    const { tools } = await client.listTools();
    await deeds[scenario]?.(client, tools, context);
  } finally {
    await client.close();
  }
}

if (process.argv[1] === import.meta.filename) await run(process.argv.at(-1), told(process.env));
