/*
 * Loaded into a process before its program (`node --import`): its wall clock is ahead by the milliseconds that the file
 * NFTPROXY_TEST_CLOCK says, read now and at every SIGUSR2, as if somebody had set the clock of the machine. The monotonic
 * clock goes on as it does then.
 */
import { readFileSync } from 'node:fs';

const file = process.env['NFTPROXY_TEST_CLOCK'] ?? '';
const { Date: RealDate } = globalThis;
let ahead = 0;

function read(): void {
  ahead = Number(readFileSync(file, 'utf8'));
}

class ShiftedDate extends RealDate {
  constructor(...parameters: [] | [number | string | Date]) {
    super(parameters.length === 0 ? ShiftedDate.now() : parameters[0]);
  }

  static override now(): number {
    return RealDate.now() + ahead;
  }
}

read();
process.on('SIGUSR2', read);
globalThis.Date = ShiftedDate as DateConstructor;
