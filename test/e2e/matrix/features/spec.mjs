// Why a feature does not apply to a pair, each reason with the sentence of the specification that makes it so.
export const spec = {
  structured: '2025-06-18 changelog, major 2: "Add support for structured tool output": 2025-03-26 has no structuredContent.',
  elicitation: '2025-06-18 changelog, major 6: "Add support for elicitation, enabling servers to request additional information": 2025-03-26 has none.',
  url: '2025-11-25 changelog, major 6: "Added support for URL mode elicitation": earlier revisions have form mode only.',
  errorAnswer: '2026-07-28 basic/patterns/mrtr: "values are the client\'s result for each request": an answer to a question cannot be an error.',
  ping: '2026-07-28 changelog, major 5: "Remove `ping`".',
  tasksGone: '2026-07-28 changelog, major 6: "Move experimental tasks out of the core protocol and into an official extension": what 2025-11-25 calls tasks is not in this client\'s revision.',
  tasksLater: '2025-11-25 changelog, major 9: "Add experimental support for tasks": this client\'s revision has none.',
  tasksServer: '2025-11-25 basic/utilities/tasks, tool-level negotiation 1: "If a server\'s capabilities do not include `tasks.requests.tools.call`, then clients MUST NOT attempt to use task augmentation": this server declares none (SDK v2 implements none).',
  tasksClient: '2025-11-25 basic/utilities/tasks, capabilities: "Servers and clients that support task-augmented requests MUST declare a `tasks` capability": support is each side\'s choice, and SDK v2 has none.',
  ids: '2025-11-25 basic, requests: "Requests MUST include a string or integer ID": which one is the sender\'s choice, and an SDK client counts its own.',
};

export const either = (...reasons) => reasons.find(Boolean);
