/** What a Docker driver is opened with. */
import type { AllowedMount } from '../../../subjects/index.ts';
import type { ImageLimits } from './image-choice.ts';

export interface DockerSettings {
  readonly node: string;
  /** What its containers are labelled with: like no other agent's on this machine. */
  readonly agent: string;
  /** Folder of the agent's state; the driver's own is below it. */
  readonly state: string;
  /** Where instances can be reached. */
  readonly address: string;
  /** Path of the engine's socket. */
  readonly socket: string;
  /** Folder of registry credentials, as `docker login` leaves them; in `tenants` below it those of tenants. */
  readonly credentials: string;
  /** Folders of this machine that containers may have. */
  readonly mounts: readonly AllowedMount[];
  /** When images go that nobody uses; undefined: never. */
  readonly imageLimits: ImageLimits | undefined;
  /** How long a registry may say nothing before a pull is given up, in milliseconds; default 15 s. */
  readonly registrySilentMs?: number | undefined;
}
