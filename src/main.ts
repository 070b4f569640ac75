#!/usr/bin/env node
import { runCommand } from './cli/index.ts';

// Timers of ours do not keep the process alive (runtime/clock.ts): the command that runs does.
const alive = setInterval(() => undefined, 2 ** 31 - 1);
process.exitCode = await runCommand(process.argv.slice(2));
clearInterval(alive);
