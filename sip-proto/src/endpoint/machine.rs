//! The traits by which hosts and simulators drive a machine, for all that stand on SIP's input.

/// Forwards `Machine` and `DatagramMachine` to the methods of the same names that the machine has
/// itself. No blanket implementation can: the traits are another crate's.
macro_rules! drive_by_traits {
    ($machine:ty, $event:ty) => {
        impl proto_wire::Machine for $machine {
            type Input<'a> = $crate::endpoint::SipInput<'a>;
            type Transmit = $crate::endpoint::SipTransmit;
            type Event = $event;

            fn handle_input(
                &mut self,
                now: proto_wire::Instant,
                input: $crate::endpoint::SipInput<'_>,
            ) {
                Self::handle_input(self, now, input);
            }

            fn handle_timeout(&mut self, now: proto_wire::Instant) {
                Self::handle_timeout(self, now);
            }

            fn poll_output(
                &mut self,
            ) -> Option<proto_wire::Output<$crate::endpoint::SipTransmit, $event>> {
                Self::poll_output(self)
            }

            fn poll_timeout(&self) -> Option<proto_wire::Instant> {
                Self::poll_timeout(self)
            }
        }

        impl proto_wire::DatagramMachine for $machine {
            fn handle_datagram(
                &mut self,
                now: proto_wire::Instant,
                local: core::net::SocketAddr,
                remote: core::net::SocketAddr,
                data: &[u8],
            ) {
                let input = $crate::endpoint::SipInput::Datagram { local, remote, data };
                Self::handle_input(self, now, input);
            }

            fn into_datagram(
                transmit: $crate::endpoint::SipTransmit,
            ) -> Option<(core::net::SocketAddr, bytes::Bytes)> {
                transmit.into_datagram()
            }
        }
    };
}

pub(crate) use drive_by_traits;
