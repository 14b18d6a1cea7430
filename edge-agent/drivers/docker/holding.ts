/**
 * What the Docker driver holds of the instances of this machine, for those who change it: what is
 * started (start.ts), what runs (beside.ts) and what was left (adoption.ts).
 */
import { join } from 'node:path';
import type { Log } from '../../../actors/runtime/log.ts';
import type { Report } from '../driver.ts';
import type { Given } from '../given.ts';
import { InTurn } from '../in-turn.ts';
import { type Kept, RunFolder } from '../run-folder.ts';
import { containerName } from './container.ts';
import type { Engine } from './engine.ts';
import { Groups } from './groups.ts';
import type { Images } from './images.ts';
import { Left } from './left.ts';
import type { EngineOffer } from './offer.ts';
import type { Run, RunAround } from './run.ts';
import type { DockerSettings } from './settings.ts';
import { Unanswered } from './unanswered.ts';

/** What the driver is made of. */
export interface HoldingOf {
  readonly settings: DockerSettings;
  readonly engine: Engine;
  readonly images: Images;
  readonly offer: EngineOffer;
  readonly given: Given;
  readonly log: Log;
}

export class Holding implements HoldingOf {
  readonly settings: DockerSettings;
  readonly engine: Engine;
  readonly images: Images;
  readonly offer: EngineOffer;
  readonly given: Given;
  readonly log: Log;
  /** What this agent's containers are labelled with. */
  readonly agent: string;
  /** Folder of the driver. */
  readonly state: string;
  /** The last run of each part, and what was written down of it. */
  readonly runs = new Map<string, Run>();
  readonly kept = new Map<string, Kept>();
  readonly left: Left;
  readonly turns: InTurn;
  readonly unanswered: Unanswered;
  readonly groups: Groups;

  constructor({ settings, engine, images, offer, given, log }: HoldingOf) {
    this.settings = settings;
    this.engine = engine;
    this.images = images;
    this.offer = offer;
    this.given = given;
    this.log = log;
    this.agent = settings.agent;
    this.state = join(settings.state, 'docker');
    this.left = new Left(engine);
    this.turns = new InTurn((instance, error) => {
      log.error('the Docker driver failed', { instance, error });
    });
    this.unanswered = new Unanswered(this.left, this.turns);
    this.groups = new Groups(this);
  }

  folder(name: string): RunFolder {
    return new RunFolder(this.state, name);
  }

  /** What a part was given of the machine is free again. */
  release(name: string): void {
    const kept = this.kept.get(name);
    if (kept) this.given.release(kept.input);
  }

  /** What a run of a part has around it. */
  around(kept: Kept, report: Report): RunAround {
    const { name } = kept.input;
    return {
      engine: this.engine,
      folder: this.folder(name),
      container: containerName(this.agent, kept.input),
      report,
      ended: () => this.release(name),
      left: (container) => this.left.addOver(name, container),
      noneLeft: () => this.left.end(name),
      part: this.groups.partOf(kept),
    };
  }
}
