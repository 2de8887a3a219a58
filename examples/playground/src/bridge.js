// SPDX-License-Identifier: ISC
// Joins the LAN to mirage-relay, when the page's address has ?relay=ws://…: what is
// sent on one is heard on the other. Of the tabs on a LAN one does it; two would send
// round in circles.

const AGAIN_MS = 2000;
const QUEUE_BYTES = 1 << 20;

export class Bridge {
	/** `say(text)` is told how it goes. */
	constructor(lan, url, say) {
		this.lan = lan;
		this.url = url;
		this.say = say;
		lan.addEventListener('frame', ({ detail }) => this.send(detail));
		say(`Another tab joins this LAN to ${url}.`);
		navigator.locks.request(
			`mirage-playground ${lan.name}`,
			() => new Promise(() => this.connect())
		);
	}

	connect() {
		const socket = this.open();
		if (!socket) return;
		this.socket = socket;
		socket.binaryType = 'arraybuffer';
		socket.onopen = () => this.say(`This LAN is joined to ${this.url}.`);
		socket.onmessage = ({ data }) => {
			if (data instanceof ArrayBuffer) this.lan.pass(new Uint8Array(data));
		};
		socket.onclose = () => {
			this.say(
				`Nobody answers at ${this.url}. Start it with: ` +
					'node tools/relay/mirage-relay.mjs'
			);
			setTimeout(() => this.connect(), AGAIN_MS);
		};
	}

	open() {
		try {
			return new WebSocket(this.url);
		} catch (error) {
			this.say(`?relay=${this.url}: ${error.message}`);
			return null;
		}
	}

	/** What the relay does not take is lost, as on any wire. */
	send(frame) {
		const { socket } = this;
		if (socket?.readyState !== WebSocket.OPEN) return;
		if (socket.bufferedAmount < QUEUE_BYTES) socket.send(frame);
	}
}
