// What a part of the gateway needs of a log. pino fits it; so does a test that collects lines.

export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
