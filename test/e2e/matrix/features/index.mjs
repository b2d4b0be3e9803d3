import { input } from './input.mjs';
import { resources } from './resources.mjs';
import { tasks } from './tasks.mjs';
import { tools } from './tools.mjs';

export const features = [...tools, ...input, ...resources, ...tasks];
