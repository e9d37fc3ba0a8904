//! Every limit of the courier, by name, with its default and the reason for it.

use std::time::Duration;

/// The limits of one node's server, courier and pump.
///
/// Whatever can grow has its limit here; a limit of zero shuts the thing that it limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one parcel that the server takes.
    pub parcel_bytes_max: usize,
    /// Bytes of one receipt that the courier takes.
    pub receipt_bytes_max: usize,
    /// Bytes of one message's header fields, uncompressed as RFC 9113 section 6.5.2 counts them.
    pub header_bytes_max: u32,

    /// Connections that have not yet shown who they are; one network address (IPv6: one /64) gets at most half.
    pub handshakes_max: usize,
    /// Connections of partners, all together.
    pub connections_max: usize,
    /// Connections of one partner: one in use, and room for its restarts and its other processes.
    pub connections_per_partner_max: usize,
    /// Requests at once on one connection; also what the courier sends at once to one partner.
    pub streams_per_connection_max: u32,
    /// Parcels whose bytes are still coming in.
    pub receiving_max: usize,
    /// Bytes of all parcels that are coming in or being processed.
    pub receiving_bytes_max: usize,
    /// Parcels that the inbox has in hand.
    pub processing_max: usize,
    /// Seconds that a partner is asked to wait when the node is busy.
    pub busy_retry_after_s: u64,

    /// From the TCP connection to the end of the TLS handshake.
    pub handshake_timeout: Duration,
    /// From the handshake to the first whole request header.
    pub header_timeout: Duration,
    /// From the header to the last byte of the parcel.
    pub body_timeout: Duration,
    /// How long the inbox may take before the partner is told to ask again.
    pub delivery_timeout: Duration,
    /// How long a connection stays open without a request.
    pub idle_timeout: Duration,
    /// Time between HTTP/2 pings (RFC 9113 section 6.7).
    pub ping_interval: Duration,
    /// How long the answer to a ping may take.
    pub ping_timeout: Duration,
    /// How long a shutdown waits for what is under way.
    pub drain_timeout: Duration,

    /// For one endpoint: name look-up, TCP, TLS.
    pub connect_timeout: Duration,
    /// For one parcel, from asking for a line to the receipt.
    pub answer_timeout: Duration,

    /// Parcels under way to one partner.
    pub in_flight_max: usize,
    /// How often the pump looks without having been woken.
    pub look_interval: Duration,
    /// Shortest wait after a failure.
    pub backoff_base_ms: u64,
    /// Longest wait after a failure, and the longest that a partner's Retry-After may ask.
    pub backoff_cap_ms: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            parcel_bytes_max: 8 << 20,
            receipt_bytes_max: 2 << 20,
            header_bytes_max: 16 << 10,
            handshakes_max: 256,
            connections_max: 512,
            connections_per_partner_max: 4,
            streams_per_connection_max: 64,
            receiving_max: 256,
            receiving_bytes_max: 128 << 20,
            processing_max: 256,
            busy_retry_after_s: 2,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(60),
            delivery_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(120),
            ping_interval: Duration::from_secs(15),
            ping_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(150),
            in_flight_max: 4,
            look_interval: Duration::from_secs(15),
            backoff_base_ms: 500,
            backoff_cap_ms: 300_000,
        }
    }
}
