// Tasks of 2025-11-25: made by a call, looked at, waited for, listed, cancelled.
import { all, assert, refused, text, until } from './check.mjs';
import { either, spec } from './spec.mjs';

export const tasks = [
  {
    name: 'tasks',
    na: (client, server) =>
      either(
        client.era === 'new' && spec.tasksGone,
        client.version < '2025-11-25' && spec.tasksLater,
        server.flavour !== 'sdk1' && spec.tasksServer,
        client.kind === 'sdk2' && spec.tasksClient,
      ),
    async run({ client }) {
      const tool = (await all(client, 'tools')).found.find((one) => one.name === 'task');
      assert.equal(tool.execution?.taskSupport, 'optional');
      const { task } = await client.call('task', { text: 'slowly' }, { task: { ttl: 60000 } });
      assert.equal(task.status, 'working');
      const get = (taskId) => client.get('tasks/get', { taskId });
      assert.equal((await get(task.taskId)).taskId, task.taskId);
      assert.equal(text(await client.get('tasks/result', { taskId: task.taskId })), 'slowly');
      await until(async () => (await get(task.taskId)).status === 'completed', 2000, 'the task to be completed');

      const second = (await client.call('task', { text: 'never', ms: 3000 }, { task: { ttl: 60000 } })).task;
      const listed = (await client.get('tasks/list', {})).tasks.map((one) => one.taskId);
      assert.ok(listed.includes(task.taskId) && listed.includes(second.taskId), 'both tasks are listed');
      assert.equal((await client.get('tasks/cancel', { taskId: second.taskId })).status, 'cancelled');
      assert.equal((await get(second.taskId)).status, 'cancelled');
      assert.equal((await refused(client.get('tasks/cancel', { taskId: second.taskId }))).code, -32602);
      assert.equal((await refused(get('no-such-task'))).code, -32602);
    },
  },
];
