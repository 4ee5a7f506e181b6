//! Tests of other modules that depend on the transport, run over TLS.

use crate::common::over_tls;

macro_rules! table {
    ($($module:ident: $($test:ident),*;)*) => {
        $(mod $module {
            $(#[test]
            fn $test() {
                super::over_tls(crate::$module::$test);
            })*
        })*
    };
}

table! {
    requests:
        a_file_has_its_metadata_in_the_head, files_of_every_size_arrive_unchanged,
        the_next_request_gets_what_was_saved, ranges_are_served, a_range_of_a_large_file_is_exactly_that_range,
        targets_are_accepted_in_every_form, http_1_0_closes_unless_it_asks,
        pipelined_requests_are_answered_in_order, the_health_endpoint_answers;
    keep_alive:
        the_dynamic_rule_is_announced_and_kept, an_idle_connection_is_closed_silently,
        a_head_has_a_deadline_from_its_first_byte, a_head_that_arrives_slowly_but_in_time_is_served,
        a_stalled_body_is_aborted, a_slow_body_is_received, a_stalled_reader_is_disconnected,
        a_slow_reader_is_served;
    draining:
        a_draining_server_serves_and_closes_each_connection, requests_in_flight_get_the_time_of_the_grace;
    idle_exit:
        an_idle_server_exits, requests_keep_the_server_up, a_slow_upload_keeps_the_server_up,
        a_slow_download_keeps_the_server_up;
    stopping:
        idle_connections_are_closed_and_new_ones_refused, an_active_upload_is_saved, an_active_download_is_finished,
        a_partial_head_is_completed_and_answered, under_load_every_response_is_complete_or_absent,
        a_request_that_began_before_the_drain_ends_its_connection;
    many:
        slow_readers_delay_no_one, slow_writers_delay_no_one, the_longest_idle_connection_makes_room,
        pipelining_without_reading_delays_no_one, a_thousand_overlapping_ranges_cost_no_more_than_the_file;
    uploads:
        post_and_put_save_files, chunked_uploads_are_saved_however_they_arrive, large_uploads_cost_no_memory,
        a_client_that_expects_100_continue_gets_it, a_client_that_is_refused_while_it_sends_can_read_why,
        invalid_uploads_are_rejected, a_form_saves_each_of_its_files;
    resumable:
        the_client_of_a_large_body_gets_the_url_to_resume, content_received_before_a_disconnect_is_kept,
        an_upload_can_come_in_pieces;
    trash:
        files_links_and_directories_are_removed, what_was_removed_comes_back;
    bad_input:
        invalid_requests_are_rejected_and_nothing_after_them_is_read, invalid_requests_are_rejected_byte_by_byte_too;
}
