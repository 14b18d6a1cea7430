/** Where a local fabric keeps its things, and where this checkout keeps its programs. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/** The checkout, whether this runs compiled (`dist/local`) or from source. */
export const root = join(here, here.includes('/dist/') ? '../..' : '..');

/** Paths of the programs a fabric is made of. */
export interface Programs {
  readonly control: string;
  readonly gateway: string;
  readonly agent: string;
}

/** The programs of a checkout, as they are after `make build`. */
export function programsIn(checkout: string): Programs {
  return {
    control: join(checkout, 'dist/actors/main.js'),
    gateway: join(checkout, 'dist/gateway/main.js'),
    agent: join(checkout, 'dist/edge-agent/main.js'),
  };
}

/**
 * How Node runs an agent: with a young generation of 1 MB instead of 16, because an agent makes
 * little garbage and is to be small. Measured idle: 72–76 MiB resident, 74–89 without.
 */
export const agentFlags = ['--max-semi-space-size=1'] as const;

export class Layout {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  get keys(): string {
    return join(this.folder, 'keys');
  }

  get nats(): string {
    return join(this.folder, 'nats');
  }

  /** What runs, while something does: written by whoever started it. */
  get record(): string {
    return join(this.folder, 'fabric.json');
  }

  /** A file for each program that runs, with its process id. */
  get run(): string {
    return join(this.folder, 'run');
  }

  get logs(): string {
    return join(this.folder, 'logs');
  }

  log(name: string): string {
    return join(this.logs, `${name}.log`);
  }

  /** A folder for each node that ever ran here. */
  get agents(): string {
    return join(this.folder, 'agents');
  }

  agent(node: string): string {
    return join(this.agents, node);
  }
}
