// SPDX-License-Identifier: ISC
// The page's side of a program in a Worker: as an instance, by messages (worker.js).

class Remote {
	constructor({ worker }, console) {
		this.own = worker === true;
		this.worker = this.own
			? new Worker(new URL('./worker.js', import.meta.url), {
					type: 'module',
				})
			: worker;
		this.console = console;
		this.console.onTaken = (taken) => this.post({ type: 'taken', taken });
		this.trap = null;
		this.exited = new Promise((resolve) => (this.resolve = resolve));
		this.worker.addEventListener('message', this);
		this.worker.addEventListener('error', this);
		this.worker.addEventListener('messageerror', this);
	}

	/** Resolves when the program has started. */
	start({ wasm, args, name, networks, blocks }) {
		return new Promise((started, failed) => {
			this.started = () => started(this);
			this.failed = (message) => {
				this.end();
				failed(new Error(message));
			};
			this.post({ type: 'start', wasm, args, name, networks, blocks });
		});
	}

	post(message) {
		this.worker.postMessage(message);
	}

	handleEvent({ type, data, message }) {
		if (type === 'message') this[`on_${data.type}`]?.(data);
		else this.failed(`the Worker failed: ${message ?? type}`);
	}

	// --------------------------------------------------- From the Worker

	on_started() {
		this.started();
	}

	on_failed({ message }) {
		this.failed(message);
	}

	on_write({ bytes }) {
		this.console.print(1, bytes);
	}

	on_log({ level, text }) {
		this.console.log(level, text);
	}

	async on_exited({ status, trap }) {
		this.trap = trap;
		await this.console.drain();
		this.end();
		this.resolve(status);
	}

	// ----------------------------------------------------- From the page

	/** The page's console takes bytes (again). */
	writable() {
		this.console.flush();
	}

	input(bytes) {
		this.post({ type: 'input', bytes });
	}

	shutdown() {
		this.post({ type: 'shutdown' });
	}

	resumed() {
		this.post({ type: 'resumed' });
	}

	end() {
		this.worker.removeEventListener('message', this);
		this.worker.removeEventListener('error', this);
		this.worker.removeEventListener('messageerror', this);
		if (this.own) this.worker.terminate();
	}
}

/** `early` resolves with an error of the Worker's from before. */
export function createRemote(options, early, console) {
	const remote = new Remote(options, console);
	const started = remote.start(options);
	early.then((event) => remote.handleEvent(event));
	return started;
}
