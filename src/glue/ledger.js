// An account's ledger: a Durable Object with an SQLite database. It lets the core work and carries out its statements; each of
// the core's turns is one transaction.

/** Thrown to undo what a turn wrote that failed. */
const UNDO = new Error('the turn is undone');

/** A Durable Object's database as the core knows it (ledger::books::Books). */
export class Books {
  constructor(context) {
    this.context = context;
    this.storage = context.storage;
    this.messages = [];
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

  /** What this turn wants to say to sockets, by their ids. */
  say(sockets, say) {
    this.messages.push([sockets, say]);
  }

  /** The ids of all open sockets. */
  sockets() {
    return JSON.stringify(this.context.getWebSockets().flatMap((socket) => this.context.getTags(socket)));
  }

  /**
   * One turn of the core: all of what it writes stays, or nothing. `life` tells one instance of the core from the next: what was
   * under way in the last one is lost.
   */
  turn(work, life) {
    let answer;
    this.isUndone = false;
    this.messages = [];
    this.wake = undefined;
    this.isNew = this.seen !== life;
    try {
      this.storage.transactionSync(() => {
        answer = work();
        if (this.isUndone) throw UNDO;
      });
      this.seen = life;
      this.speak();
    } catch (error) {
      if (error !== UNDO) throw error;
    }
    this.plan();
    return answer;
  }

  /** A socket that is gone says so by itself. The platform sends nothing before the rows are written. */
  speak() {
    for (const [ids, say] of this.messages) {
      for (const socket of ids.flatMap((id) => this.context.getWebSockets(id))) {
        try {
          say(socket);
        } catch {
          // It is closing.
        }
      }
    }
  }

  /** Beside the rows, without a pause: the platform writes both or none. */
  plan() {
    if (this.wake === undefined) return;
    const done = this.wake === null ? this.storage.deleteAlarm() : this.storage.setAlarm(this.wake);
    this.wake = undefined;
    done.catch(() => {});
  }
}
