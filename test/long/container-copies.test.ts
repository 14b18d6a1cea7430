/** Files copied out of containers and into them. */
import { copyConformance } from '../integration/agent/copy-conformance.ts';
import { dockerOfItsOwn } from '../integration/docker/own-engine.ts';

copyConformance('the Docker driver', dockerOfItsOwn(`copies-${process.pid}`, 29_000), '/');
