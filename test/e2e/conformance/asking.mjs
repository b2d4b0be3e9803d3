// Tools and a prompt of the fixture that ask the client. Each returns `inputRequired`: on the new revision that is the
// result, in an old session the SDK sends real requests instead, so one definition serves both eras.
import { CLIENT_CAPABILITIES_META_KEY, acceptedContent, createRequestStateCodec, fromJsonSchema, inputRequired } from '@modelcontextprotocol/server';

export const text = (value) => ({ content: [{ type: 'text', text: value }] });
// Seals requestState and refuses one that was changed on its way.
export const codec = createRequestStateCodec({ key: crypto.getRandomValues(new Uint8Array(32)) });

const elicit = (message, properties, required = Object.keys(properties)) => inputRequired.elicit({ message, requestedSchema: { type: 'object', properties, required } });
const sample = (prompt, maxTokens = 100) => inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text: prompt } }], maxTokens });
const name = () => elicit('What is your name?', { name: { type: 'string' } });
const confirm = () => elicit('Please confirm', { ok: { type: 'boolean' } });
const content = (ctx, key) => acceptedContent(ctx.mcpReq.inputResponses, key);
const sampled = (ctx, key) => ctx.mcpReq.inputResponses?.[key]?.content?.text;
const roots = (ctx, key) => ctx.mcpReq.inputResponses?.[key]?.roots;

const titled = (kind) => [1, 2, 3].map((n) => ({ const: `value${n}`, title: `${['First', 'Second', 'Third'][n - 1]} ${kind}` }));
const options = ['option1', 'option2', 'option3'];
const forms = {
  test_elicitation_sep1034_defaults: {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  },
  test_elicitation_sep1330_enums: {
    untitledSingle: { type: 'string', enum: options },
    titledSingle: { type: 'string', oneOf: titled('Option') },
    legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
    untitledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { type: 'string', enum: options } },
    titledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { anyOf: titled('Choice') } },
  },
};

export function registerAsking(mcp) {
  const tool = (id, run, properties = {}) => mcp.registerTool(id, { description: id, inputSchema: fromJsonSchema({ type: 'object', properties }) }, run);
  const string = { type: 'string' };

  // What old clients call.
  tool('test_sampling', async ({ prompt }, ctx) => {
    const answer = sampled(ctx, 'answer');
    return answer === undefined ? inputRequired({ inputRequests: { answer: sample(prompt) } }) : text(`LLM response: ${answer}`);
  }, { prompt: string });
  const answered = (ctx, key, ask) => {
    const answer = ctx.mcpReq.inputResponses?.[key];
    return answer === undefined ? inputRequired({ inputRequests: { [key]: ask() } }) : text(`Elicitation completed: action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`);
  };
  tool('test_elicitation', async ({ message }, ctx) => answered(ctx, 'answer', () => elicit(message, { response: string })), { message: string });
  for (const [id, form] of Object.entries(forms)) tool(id, async (_, ctx) => answered(ctx, 'form', () => elicit('Please fill in the form', form, [])));

  // What new clients call.
  tool('test_missing_capability', async (_, ctx) => (sampled(ctx, 'answer') === undefined ? inputRequired({ inputRequests: { answer: sample('Say pong') } }) : text('sampled')));
  tool('test_input_required_result_elicitation', async (_, ctx) => {
    const given = content(ctx, 'user_name')?.name;
    return typeof given === 'string' ? text(`Hello, ${given}!`) : inputRequired({ inputRequests: { user_name: name() } });
  });
  tool('test_input_required_result_sampling', async (_, ctx) => {
    const answer = sampled(ctx, 'capital_question');
    return answer === undefined ? inputRequired({ inputRequests: { capital_question: sample('What is the capital of France?') } }) : text(`Sampling response: ${answer}`);
  });
  tool('test_input_required_result_list_roots', async (_, ctx) => {
    const given = roots(ctx, 'client_roots');
    return Array.isArray(given) ? text(`Roots: ${given.map((root) => root.uri).join(', ')}`) : inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
  });
  for (const id of ['request_state', 'tampered_state'])
    tool(`test_input_required_result_${id}`, async (_, ctx) => {
      if (ctx.mcpReq.requestState()?.for === id && content(ctx, 'confirm')) return text('state-ok: requestState verified');
      return inputRequired({ inputRequests: { confirm: confirm() }, requestState: await codec.mint({ for: id }) });
    });
  tool('test_input_required_result_multiple_inputs', async (_, ctx) => {
    const given = { name: content(ctx, 'user_name')?.name, greeting: sampled(ctx, 'greeting'), roots: roots(ctx, 'client_roots') };
    if (typeof given.name === 'string' && typeof given.greeting === 'string' && Array.isArray(given.roots)) return text(`${given.greeting} ${given.name}, ${given.roots.length} roots`);
    return inputRequired({ inputRequests: { user_name: name(), greeting: sample('Generate a greeting', 50), client_roots: inputRequired.listRoots() }, requestState: await codec.mint({ for: 'multiple_inputs' }) });
  });
  // The number of the round lives in the sealed state: no instance lives longer than a request there.
  tool('test_input_required_result_multi_round', async (_, ctx) => {
    const state = ctx.mcpReq.requestState() ?? { round: 0 };
    if (state.round === 0) return inputRequired({ inputRequests: { step1: elicit('Step 1: What is your name?', { name: string }) }, requestState: await codec.mint({ round: 1 }) });
    if (state.round === 1) {
      const given = content(ctx, 'step1')?.name ?? 'unknown';
      return inputRequired({ inputRequests: { step2: elicit('Step 2: What is your favorite color?', { color: string }) }, requestState: await codec.mint({ round: 2, name: given }) });
    }
    return text(`${state.name} likes ${content(ctx, 'step2')?.color ?? 'nothing'}`);
  });
  tool('test_input_required_result_capabilities', async (_, ctx) => {
    if (ctx.mcpReq.inputResponses !== undefined) return text('answered');
    const declared = ctx.mcpReq.envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? mcp.server.getClientCapabilities() ?? {};
    const inputRequests = {
      ...(declared.elicitation ? { user_name: name() } : {}),
      ...(declared.sampling ? { greeting: sample('Generate a greeting', 50) } : {}),
      ...(declared.roots ? { client_roots: inputRequired.listRoots() } : {}),
    };
    return Object.keys(inputRequests).length ? inputRequired({ inputRequests }) : text('nothing can be asked of this client');
  });
  mcp.registerPrompt('test_input_required_result_prompt', { description: 'asks before it renders' }, async (ctx) => {
    const given = content(ctx, 'user_context')?.context;
    if (typeof given !== 'string') return inputRequired({ inputRequests: { user_context: elicit('What context should the prompt use?', { context: string }) } });
    return { messages: [{ role: 'user', content: { type: 'text', text: `Use the following context: ${given}` } }] };
  });
}
