// SPDX-License-Identifier: ISC
// A network whose frames the page sees, as they are on the wire: before the faults
// of the program's own side on their way in, behind them on their way out.

import { eachFrame } from 'mirage-js/drivers/framing';
import { open } from 'mirage-js/drivers/net-bc';

/** `dropped` tells how many frames the program has lost so far. */
export function tapNetwork(name, lan, reporter, dropped) {
	const report = (way, bytes) => {
		const time = performance.timeOrigin + performance.now();
		const event = { type: 'frame', name, way, time, bytes: bytes.slice() };
		reporter.add(event);
		return event;
	};

	/** Whoever calls `frame` hands over one frame. */
	const tapPort = (port) => {
		const tap = Object.create(port);
		tap.frame = (bytes) => {
			const event = report('rx', bytes); // before the answer to it
			const before = dropped(name);
			port.frame(bytes);
			event.lost = dropped(name) > before;
		};
		tap.framed = (bytes) => {
			const rest = eachFrame(bytes, (frame) => {
				tap.frame(frame);
				return true;
			});
			return rest === bytes.length;
		};
		return tap;
	};

	return {
		async open(port, options) {
			const given = { ...options, scheme: 'bc', path: lan };
			const net = await open(tapPort(port), given);
			return {
				begin: () => net.begin?.(),
				close: () => net.close(),
				send(bytes) {
					const taken = net.send(bytes);
					eachFrame(bytes.subarray(0, taken), (frame) => {
						report('tx', frame);
						return true;
					});
					return taken;
				},
			};
		},
	};
}
