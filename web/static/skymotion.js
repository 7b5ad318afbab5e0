// Keeps a moving sky smooth: what a computer without a graphics card cannot draw in time is left
// out while the view moves, first densities, then the grid, and is back when it rests.

const LATE = 40; // ms; a frame that takes longer is late
const PATIENCE = 3; // late frames before more is left out
const STEPS = 2;

export class Motion {
  // `lighten(level)` leaves out nothing (0) or more; `rested` is called after `quiet` ms without
  // movement.
  constructor(lighten, rested, quiet) {
    Object.assign(this, { lighten, rested, quiet, level: 0, late: 0, isMoving: false });
  }

  moved() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#rest(), this.quiet);
    if (this.isMoving) return;
    this.isMoving = true;
    this.last = undefined;
    if (this.level) this.lighten(this.level);
    requestAnimationFrame((now) => this.#watch(now));
  }

  #watch(now) {
    if (!this.isMoving) return;
    if (this.last !== undefined) this.late = Math.max(0, this.late + (now - this.last > LATE ? 1 : -1));
    this.last = now;
    if (this.late >= PATIENCE && this.level < STEPS) {
      this.late = 0;
      this.level += 1;
      this.lighten(this.level);
    }
    requestAnimationFrame((next) => this.#watch(next));
  }

  #rest() {
    this.isMoving = false;
    this.late = 0;
    if (this.level) this.lighten(0);
    this.rested();
  }
}
