// An account's ledger: a Durable Object with an SQLite database. It lets the core work and carries out its statements; each of
// the core's turns is one transaction.

/** Thrown to undo what a turn wrote that failed. */
const UNDO = new Error('the turn is undone');

/** A Durable Object's database as the core knows it (ledger::books::Books). */
export class Books {
  constructor(storage) {
    this.storage = storage;
    this.wake = undefined;
    this.isUndone = false;
    this.isNew = true;
    this.seen = undefined;
  }

  /** Rows as JSON; a text in front of which `!` stands is what went wrong. */
  query(statement, values) {
    try {
      return JSON.stringify([...this.storage.sql.exec(statement, ...JSON.parse(values)).raw()]);
    } catch (error) {
      return `!${error.message}`;
    }
  }

  wakeAt(moment) {
    this.wake = moment ?? null;
  }

  undo() {
    this.isUndone = true;
  }

  /**
   * One turn of the core: all of what it writes stays, or nothing. `life` tells one instance of the core from the next: what was
   * under way in the last one is lost.
   */
  turn(work, life) {
    let answer;
    this.isUndone = false;
    this.wake = undefined;
    this.isNew = this.seen !== life;
    try {
      this.storage.transactionSync(() => {
        answer = work();
        if (this.isUndone) throw UNDO;
      });
      this.seen = life;
    } catch (error) {
      if (error !== UNDO) throw error;
    }
    this.plan();
    return answer;
  }

  /** Beside the rows, without a pause: the platform writes both or none. */
  plan() {
    if (this.wake === undefined) return;
    const done = this.wake === null ? this.storage.deleteAlarm() : this.storage.setAlarm(this.wake);
    this.wake = undefined;
    done.catch(() => {});
  }
}
