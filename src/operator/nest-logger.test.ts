import { Logger } from '@nestjs/common';
import { expect, test } from 'vitest';
import { createLogger } from '../runtime/index.ts';
import type { LogLevel } from '../runtime/index.ts';
import { NestLogger } from './nest-logger.ts';

/** A Nest logger, and its lines as they would be in a file. */
function rig(level: LogLevel = 'debug') {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  return { lines, logger: new NestLogger(createLogger({ format: 'json', level, write })) };
}

test('a line of Nest has the fields of all others, its context as the component', () => {
  const { lines, logger } = rig();
  logger.warn('a route is mapped twice', 'RouterExplorer');
  expect(Object.keys(lines[0] ?? {})).toEqual(['time', 'level', 'message', 'component']);
  expect(lines[0]).toMatchObject({ level: 'warn', message: 'a route is mapped twice', component: 'RouterExplorer' });
});

test('an error has its stack in a field, so that it stays one line', () => {
  const { lines, logger } = rig();
  const error = new Error('no such provider', { cause: new Error('it was never made') });
  logger.error(error.message, error.stack, 'ExceptionHandler');
  logger.fatal(error, 'ExceptionsHandler');
  expect(lines[0]).toMatchObject({ level: 'error', message: 'no such provider', component: 'ExceptionHandler' });
  expect(lines[0]?.['stack']).toBe(error.stack);
  expect(lines[1]).toMatchObject({
    level: 'error',
    message: 'no such provider: it was never made',
    stack: error.stack,
  });
});

test('what Nest says about starting up is for who debugs', () => {
  const { lines, logger } = rig('info');
  logger.log('HttpModule dependencies initialized', 'InstanceLoader');
  logger.verbose('more');
  expect(lines).toEqual([]);
});

test('an object is written as JSON', () => {
  const { lines, logger } = rig();
  logger.debug({ modules: 3 });
  expect(lines[0]).toMatchObject({ level: 'debug', message: '{"modules":3}' });
});

test('Nest itself calls it as it expects to be called', () => {
  const { lines, logger } = rig();
  const nest = new Logger('Application');
  Logger.overrideLogger(logger);
  nest.error('it broke', new Error('deep').stack);
  nest.log('it works');
  expect(lines).toMatchObject([
    { level: 'error', message: 'it broke', component: 'Application', stack: expect.stringContaining('deep') as string },
    { level: 'debug', message: 'it works', component: 'Application' },
  ]);
});
