/**
 * A real MariaDB of a test's own, with one database and one user: in a folder of its own, ended by its
 * process id, started again with what it had.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { obtainProgram, type Program } from '../../local/program.ts';
import { mariadb } from '../../local/programs.ts';
import { freePort } from '../../nats/start.ts';
import { ended } from './ended.ts';
import { eventually } from './ports.ts';

const DATABASE = 'demos';
const USER = 'demo';
const PASSWORD = "dev'pass";
const READY_MS = 120_000;

/** What makes a folder a server's: run once, without a network. */
const SYSTEM = ['system_tables', 'performance_tables', 'system_tables_data'];

export class MariadbUnderTest implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #program: Program;
  #child: ChildProcess | undefined;

  private constructor(program: Program, folder: string, port: number) {
    this.#program = program;
    this.#folder = folder;
    this.port = port;
  }

  static async start(): Promise<MariadbUnderTest> {
    const program = await obtainProgram(mariadb);
    const folder = await mkdtemp(join(tmpdir(), 'shoal-mariadb-'));
    const server = new MariadbUnderTest(program, folder, await freePort());
    try {
      await server.#prepare();
      await server.start();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  /** Try It Now's variables for it. */
  get environment(): Readonly<Record<string, string>> {
    return {
      ...{ PS_DB_HOST: '127.0.0.1', PS_DB_PORT: String(this.port), PS_DB_NAME: DATABASE },
      ...{ PS_DB_USER: USER, PS_DB_PASSWORD: PASSWORD },
    };
  }

  async start(): Promise<void> {
    this.#child = this.#spawn([
      ...['--bind-address=127.0.0.1', `--port=${this.port}`],
      ...[`--socket=${join(this.#folder, 'socket')}`, `--pid-file=${join(this.#folder, 'pid')}`],
    ]);
    await eventually(
      async () => {
        if (this.#child?.exitCode !== null) throw new Error('mariadbd has ended');
        return this.query('SELECT 1').then(
          () => true,
          () => false,
        );
      },
      READY_MS,
      'MariaDB answers',
    );
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    await ended(child, 'SIGKILL');
  }

  /** Rows of a statement. */
  async query<T extends object = object>(
    sql: string,
    values: unknown[] = [],
  ): Promise<readonly T[]> {
    const connection = await this.connect();
    try {
      const [rows] = await connection.query<RowDataPacket[]>(sql, values);
      return rows as unknown as readonly T[];
    } finally {
      connection.destroy();
    }
  }

  /** A connection of the caller's own. */
  async connect(): Promise<Connection> {
    const at = { host: '127.0.0.1', port: this.port, database: DATABASE };
    const connection = await createConnection({ ...at, user: USER, password: PASSWORD });
    connection.on('error', () => undefined);
    return connection;
  }

  /** Names of all tables and views, in order. */
  async tables(): Promise<readonly string[]> {
    const sql = 'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ?';
    const found = await this.query<{ readonly name: string }>(sql, [DATABASE]);
    return found.map(({ name }) => name).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #prepare(): Promise<void> {
    await mkdir(join(this.#folder, 'data'));
    const share = this.#share;
    const system = SYSTEM.map((name) => readFile(join(share, `mysql_${name}.sql`), 'utf8'));
    const user = `${USER}@'127.0.0.1'`;
    const child = this.#spawn(['--bootstrap'], 'pipe');
    child.stdin?.end(
      [
        ...['CREATE DATABASE mysql;', 'USE mysql;', ...(await Promise.all(system))],
        ...[`CREATE DATABASE ${DATABASE};`, 'FLUSH PRIVILEGES;'],
        `CREATE USER ${user} IDENTIFIED BY '${PASSWORD.replaceAll("'", "''")}';`,
        ...[`GRANT ALL ON ${DATABASE}.* TO ${user};`, ''],
      ].join('\n'),
    );
    const [code] = await once(child, 'exit');
    if (code !== 0) throw new Error(`mariadbd could not be prepared: it ended with ${code}`);
  }

  /** Folder of its messages and character sets. */
  get #share(): string {
    return join(dirname(this.#program.path), '../share/mysql');
  }

  #spawn(options: readonly string[], input: 'ignore' | 'pipe' = 'ignore'): ChildProcess {
    const { path, environment } = this.#program;
    const share = this.#share;
    const places = [`--datadir=${join(this.#folder, 'data')}`, `--lc-messages-dir=${share}`];
    const all = [
      ...['--no-defaults', '--user=root', ...places, `--character-sets-dir=${share}/charsets`],
      ...['--innodb-buffer-pool-size=16M', '--innodb-log-file-size=8M', ...options],
    ];
    const env = { ...environment, PATH: process.env['PATH'] ?? '', TMPDIR: this.#folder };
    return spawn(path, all, { stdio: [input, 'ignore', 'ignore'], env });
  }
}
