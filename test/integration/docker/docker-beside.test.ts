/** Commands that somebody is at, and what is handed off, in containers. */
import { handOffConformance } from '../agent/hand-off-conformance.ts';
import { interactConformance } from '../agent/interact-conformance.ts';
import { dockerOfItsOwn } from './own-engine.ts';

const fixture = dockerOfItsOwn(`beside-${process.pid}`, 29_000);
interactConformance('the Docker driver', fixture);
handOffConformance('the Docker driver', fixture);
