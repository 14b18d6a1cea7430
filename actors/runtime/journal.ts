/** The log of a program: JSON lines on standard output, by pino. */
import pino from 'pino';
import type { Log, LogFields } from './log.ts';

/** Levels as SHOAL_LOG names them; anything else is `info`. */
const levels = new Set(['debug', 'info', 'warn', 'error', 'silent']);

/** The log of a program. `level` is one of those SHOAL_LOG names. */
export function journal(program: string, level = process.env['SHOAL_LOG'] ?? 'info'): Log {
  const logger = pino({
    name: program,
    level: levels.has(level) ? level : 'info',
    base: { pid: process.pid },
    serializers: { error: pino.stdSerializers.err },
    timestamp: pino.stdTimeFunctions.isoTime,
  });
  const line =
    (write: (fields: object, message: string) => void) =>
    (message: string, fields: LogFields = {}): void =>
      write(fields, message);
  return {
    debug: line((fields, message) => logger.debug(fields, message)),
    info: line((fields, message) => logger.info(fields, message)),
    warn: line((fields, message) => logger.warn(fields, message)),
    error: line((fields, message) => logger.error(fields, message)),
  };
}
