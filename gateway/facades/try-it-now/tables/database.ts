/** The database that demos share, as far as their prefixes need it. One connection for each look. */
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { type Booking, isPrefix, PREFIX_LENGTH, quoted } from './prefixes.ts';

const CONNECT_MS = 5_000;
/** Until a statement is answered; a table that somebody uses is waited for half of that. */
const ANSWER_MS = 20_000;
/** Most tables one statement drops: a shop has some 300. */
const DROP_TABLES_MAX = 100;

const BOOKED = `CREATE TABLE IF NOT EXISTS shoal_prefixes (
  tenant VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  slot VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  pool VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  prefix CHAR(${PREFIX_LENGTH}) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  seen BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (tenant, slot))`;

/** `PS_DB_*`: where the database is, and who asks. */
export interface DatabaseSettings {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
}

interface NamedTable extends RowDataPacket {
  readonly name: string;
  readonly type: string;
}

export class Database {
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Connects, and makes the table of bookings where there is none. Throws with why it cannot. */
  static async open(settings: DatabaseSettings): Promise<Database> {
    const connection = await createConnection({ ...settings, connectTimeout: CONNECT_MS });
    // What fails between statements, the next statement tells.
    connection.on('error', () => undefined);
    const database = new Database(connection);
    try {
      // However the server is set: texts are escaped for this mode, and tables of a demo go in any order.
      const wait = `lock_wait_timeout = ${ANSWER_MS / 2_000}`;
      await database.#run(`SET SESSION sql_mode = '', foreign_key_checks = 0, ${wait}`);
      await database.#run(BOOKED);
    } catch (error) {
      connection.destroy();
      throw error;
    }
    return database;
  }

  async booked(): Promise<readonly Booking[]> {
    const sql = 'SELECT tenant, pool, slot, prefix, seen FROM shoal_prefixes';
    const [rows] = await this.#connection.query<RowDataPacket[]>({ sql, timeout: ANSWER_MS });
    return rows.map(({ tenant, pool, slot, prefix, seen }) => {
      return { tenant, pool, slot, prefix, seen: Number(seen) };
    });
  }

  async book(all: readonly Booking[]): Promise<void> {
    if (all.length === 0) return;
    const rows = all.map(({ tenant, pool, slot, prefix, seen }) => {
      return [tenant, pool, slot, prefix, seen];
    });
    const into = 'INSERT IGNORE INTO shoal_prefixes (tenant, pool, slot, prefix, seen) VALUES ?';
    await this.#run(into, [rows]);
  }

  async forget(all: readonly Booking[]): Promise<void> {
    if (all.length === 0) return;
    const rows = all.map(({ tenant, slot }) => [tenant, slot]);
    await this.#run('DELETE FROM shoal_prefixes WHERE (tenant, slot) IN (?)', [rows]);
  }

  /** Drops every table and view whose name begins with a prefix, letter by letter. */
  async drop(prefix: string): Promise<void> {
    if (!isPrefix(prefix)) throw new Error(`${JSON.stringify(prefix)} is no prefix of a demo`);
    const sql = `SELECT table_name AS name, table_type AS type FROM information_schema.tables
      WHERE table_schema = DATABASE() AND CAST(LEFT(table_name, ?) AS BINARY) = ?`;
    const values = [PREFIX_LENGTH, prefix];
    const [found] = await this.#connection.query<NamedTable[]>({ sql, values, timeout: ANSWER_MS });
    for (const [kind, isOf] of [
      ['VIEW', (type: string) => type === 'VIEW'],
      ['TABLE', (type: string) => type !== 'VIEW'],
    ] as const) {
      const names = found.filter(({ type }) => isOf(type)).map(({ name }) => quoted(name));
      while (names.length > 0) {
        await this.#run(`DROP ${kind} IF EXISTS ${names.splice(0, DROP_TABLES_MAX).join(', ')}`);
      }
    }
  }

  close(): void {
    this.#connection.destroy();
  }

  async #run(sql: string, values: unknown[] = []): Promise<void> {
    await this.#connection.query({ sql, values, timeout: ANSWER_MS });
  }
}
