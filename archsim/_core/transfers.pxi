# Updates of one array, reads of its lines meanwhile, and writes of what they give into another one: all that happens to
# a block of vectors between two arrays with a digital buffer between them, without a call for each line. The same,
# readable, is in archsim.analog.algorithms.chopped_arrays.

@cython.final
cdef class PulsedCells:
    """The cells of an array, and all that sending trains of one kind to them takes.

    weights [outputs, inputs] are what pulses change; visible, if not None, what reads see around them; cells
    [outputs * inputs, numbers] what a pulse does to each. `late` is the purpose of the noise of pulses that are held
    back and sent later.
    """

    cdef Trains trains
    cdef PulseRules rules
    cdef Response response
    cdef float[:, ::1] weights
    cdef float[:, ::1] visible
    cdef const float[:, ::1] cells
    cdef uint64_t key
    cdef uint32_t crossbar, x_purpose, d_purpose, purpose, late

    def __init__(
        self, Trains trains not None, PulseRules rules not None, Response response not None,
        float[:, ::1] weights not None, float[:, ::1] visible, const float[:, ::1] cells not None, uint64_t key,
        uint32_t crossbar, uint32_t x_purpose, uint32_t d_purpose, uint32_t purpose, uint32_t late
    ):
        if weights.shape[0] != trains.outputs or weights.shape[1] != trains.inputs:
            raise ValueError("the trains do not fit the weights")
        check_cells(response, weights, visible, cells)
        self.trains = trains
        self.rules = rules
        self.response = response
        self.weights = weights
        self.visible = visible
        self.cells = cells
        self.key = key
        self.crossbar = crossbar
        self.x_purpose = x_purpose
        self.d_purpose = d_purpose
        self.purpose = purpose
        self.late = late

    cdef int64_t draw(
        self, const float *x, const float *d, int vectors, double rate, uint64_t first_vector
    ) except -1 nogil:
        # Draw trains for vectors, before `send`; returns their slots.
        cdef totals_t totals
        self.trains.begin(self.rules, x, d, vectors, rate)
        self.trains.draw_sides(0, 2, self.rules, x, d, rate, self.key, self.crossbar, self.x_purpose, self.d_purpose,
                               first_vector)
        totals = self.trains.add_up()
        self.trains.choose_walk()
        return totals.slots

    cdef const float *seen(self) noexcept nogil:
        # What reads see.
        return &self.weights[0, 0] if self.visible is None else &self.visible[0, 0]

    cdef int64_t send(self, uint32_t purpose, uint64_t first_vector, progress_t *progress) except -1 nogil:
        # Send what was drawn, or held back, to all cells; returns the pulses.
        if self.trains.trains.words == 0:
            return 0
        if self.trains.trains.crowded and not self.trains.trains.counted:
            self.trains.arrange_words()
        begin_progress(progress, self.trains.trains.pieces)
        return send(self.trains, self.response, &self.weights[0, 0],
                    NULL if self.visible is None else &self.visible[0, 0], &self.cells[0, 0], BOTH, 0,
                    self.trains.outputs, self.key, self.crossbar, purpose, first_vector, progress)


@cython.final
cdef class LineBuffer:
    """A digital buffer [inputs, outputs] of the lines of an array, and signs that lines may have.

    What is read of a line, times a factor and the line's sign, is added; whole pulses leave for another array (see
    `archsim.analog.algorithms.buffer`). With a mean of each line's reads, what it was before the line's sign turned
    last (`past`) is subtracted first, the mean follows what is read by the share `follow`, and nothing is written in
    the first passes over the lines.
    """

    cdef float[:, ::1] hidden
    cdef float[::1] signs
    cdef float[:, ::1] mean
    cdef float[:, ::1] past
    cdef uint8_t[::1] turned
    cdef float follow
    cdef int64_t idle_passes
    cdef release_t rule
    cdef float[:, ::1] identity

    def __init__(
        self, float[:, ::1] hidden not None, float[::1] signs not None, *, int most, float kept, float taken,
        float limit, float[:, ::1] mean=None, float[:, ::1] past=None, uint8_t[::1] turned=None, float follow=0.0,
        int64_t idle_passes=0
    ):
        if signs.shape[0] != hidden.shape[0]:
            raise ValueError("every line has a sign")
        if mean is not None:
            if past is None or turned is None or turned.shape[0] != hidden.shape[0]:
                raise ValueError("means have what was before, and lines whose signs turned")
            if (mean.shape[0] != hidden.shape[0] or mean.shape[1] != hidden.shape[1]
                    or past.shape[0] != hidden.shape[0] or past.shape[1] != hidden.shape[1]):
                raise ValueError("means have the shape of the buffer")
        self.hidden = hidden
        self.signs = signs
        self.mean = mean
        self.past = past
        self.turned = turned
        self.follow = follow
        self.idle_passes = idle_passes
        self.rule.threshold, self.rule.most, self.rule.kept, self.rule.taken, self.rule.limit = (
            <float> 1.0, <float> most, kept, taken, limit)
        self.identity = np.eye(hidden.shape[0], dtype=np.float32)

    cdef int take(
        self, Py_ssize_t first, Py_ssize_t lines, const float *read, const float *factors, float *counts, int64_t passes
    ) noexcept nogil:
        # Take in what was read of consecutive lines; returns how many of them let go any pulses, whose counts are zeros
        # otherwise.
        cdef Py_ssize_t line, i, k, n = self.hidden.shape[1]
        cdef float *hidden = &self.hidden[first, 0]
        cdef float *mean = NULL
        cdef float *past = NULL
        cdef int written = 0
        if self.mean is not None:
            mean, past = &self.mean[first, 0], &self.past[first, 0]
        for line in range(lines):
            if mean == NULL:
                for i in range(line * n, line * n + n):
                    hidden[i] = hidden[i] + read[i] * factors[line]
                continue
            if self.turned[first + line]:
                memcpy(past + line * n, mean + line * n, <size_t> n * sizeof(float))
            self.turned[first + line] = False
            for i in range(line * n, line * n + n):
                hidden[i] = hidden[i] + (read[i] - past[i]) * factors[line]
        release_cells(&self.rule, hidden, counts, lines * n)
        if mean != NULL:
            for k in range(lines * n):
                mean[k] = mean[k] + (read[k] - mean[k]) * self.follow
            if passes <= self.idle_passes:
                memset(counts, 0, <size_t> (lines * n) * sizeof(float))
                return 0
        for line in range(lines):
            written += any_taken(counts + line * n, n)
        return written

    cdef void turn(self, Py_ssize_t line) noexcept nogil:
        # Turn the sign of a line.
        self.signs[line] = -self.signs[line]
        if self.mean is not None:
            self.turned[line] = True


ctypedef struct moves_t:
    # What updates and transfers took.
    int64_t slots, pulses, reads, written_lines, write_slots, write_pulses


ctypedef struct room_t:
    # What passes work with, made once for a block: room to send trains and to read lines, and the signs and factors of lines.
    progress_t *progress
    Matrix matrix
    Room room
    int most
    float *memory
    float *largest
    float *signs
    float *factors


@cython.final
cdef class LineMoves:
    """Two arrays, what reads the lines of the first one, and the buffer between it and the second one."""

    cdef PulsedCells fast, slow
    cdef Converters converters
    cdef LineBuffer buffer
    cdef uint32_t purpose
    cdef double write_rate

    def __init__(
        self, PulsedCells fast not None, PulsedCells slow not None, Converters converters not None,
        LineBuffer buffer not None, uint32_t purpose, double write_rate
    ):
        if fast.trains.outputs != slow.trains.outputs or fast.trains.inputs != slow.trains.inputs:
            raise ValueError("both arrays have one shape")
        if buffer.hidden.shape[0] != fast.trains.inputs or buffer.hidden.shape[1] != fast.trains.outputs:
            raise ValueError("the buffer has the lines of the arrays")
        self.fast = fast
        self.slow = slow
        self.converters = converters
        self.buffer = buffer
        self.purpose = purpose
        self.write_rate = write_rate

    def update(
        self, float[:, ::1] x not None, const float[:, ::1] d not None, uint64_t first_vector, int64_t interval,
        int64_t vectors, int64_t reads, const double[::1] factors, const uint8_t[::1] turning not None,
        float[:, ::1] values not None, float[:, ::1] counts not None
    ):
        """Apply a block of vectors to the first array with all transfers that become due meanwhile.

        Parameters
        ----------
        x, d : float32 [V, inputs], [V, outputs]
            Inputs and errors with their learning rates. The inputs get the signs of their lines in place.
        first_vector : int
            Index of the first of them in the run.
        interval : int
            The next line is read after so many vectors, counted from the beginning of the run; never if 0.
        vectors, reads : int
            Vectors and reads before.
        factors : float64 [V] or None
            What a read after each vector is multiplied with. Without them, lines whose turn comes are passed over.
        turning : bool [R]
            Whether the line of each read that becomes due has its sign turned after it.
        values, counts : float32 [R, outputs]
            Take what was read, and the pulses that were written.

        Returns
        -------
        tuple of int
            Slots and pulses of the updates, reads, lines that were written, slots and pulses of the writes.
        """
        cdef int total = <int> x.shape[0]
        cdef int64_t due = 0
        self.fast.trains.check(x, d)
        if interval > 0:
            due = (vectors % interval + total) // interval
        if turning.shape[0] != due or values.shape[0] != due or counts.shape[0] != due:
            raise ValueError("there is one turn, one row of values and one of counts for each read that is due")
        if values.shape[1] != self.fast.trains.outputs or counts.shape[1] != self.fast.trains.outputs:
            raise ValueError("values and counts have one number for each output")
        if factors is not None and factors.shape[0] != total:
            raise ValueError("there is a factor for each vector")
        if total == 0 or self.fast.trains.outputs == 0 or self.fast.trains.inputs == 0:
            raise ValueError("there are no vectors or no cells")
        cdef moves_t moves = self.move(
            &x[0, 0], &d[0, 0], total, first_vector, interval, vectors, reads, NULL if factors is None else &factors[0],
            &turning[0] if due else NULL, &values[0, 0] if due else NULL, &counts[0, 0] if due else NULL)
        return (moves.slots, moves.pulses, moves.reads, moves.written_lines, moves.write_slots, moves.write_pulses)

    cdef moves_t move(
        self, float *x, const float *d, int total, uint64_t first_vector, int64_t interval, int64_t vectors,
        int64_t reads, const double *factors, const uint8_t *turning, float *values, float *counts
    ) except *:
        # From pass to pass over the lines: within one no line is read twice, and signs follow from a read's number alone.
        cdef Py_ssize_t inputs = self.fast.trains.inputs, outputs = self.fast.trains.outputs
        cdef Py_ssize_t done = 0, lines, first
        cdef int begin = 0, end
        cdef moves_t moves
        cdef room_t room
        memset(&moves, 0, sizeof(moves))
        memset(&room, 0, sizeof(room))
        try:
            make_line_room(&room, self.converters, self.fast.seen(), outputs, inputs)
            with nogil:
                while begin < total:
                    first = reads % inputs
                    lines, end = 0, total
                    if interval > 0:
                        # How many lines become due before the end of the block or of the pass, and where it ends.
                        lines = min(inputs - first, (vectors % interval + total - begin) // interval)
                        if lines == inputs - first:
                            end = begin + <int> (lines * interval - vectors % interval)
                    self.one_pass(x, d, begin, end, first_vector, interval, vectors, reads, lines, factors,
                                  turning + done, values + done * outputs, counts + done * outputs, &room, &moves)
                    vectors += end - begin
                    reads += lines
                    done += lines
                    begin = end
        finally:
            free_line_room(&room)
        return moves

    cdef int one_pass(
        self, float *x, const float *d, int begin, int end, uint64_t first_vector, int64_t interval, int64_t vectors,
        int64_t reads, Py_ssize_t lines, const double *factors, const uint8_t *turning, float *values, float *counts,
        room_t *room, moves_t *moves
    ) except -1 nogil:
        # Vectors from `begin` to `end`, and so many lines that become due meanwhile, all of one pass.
        cdef Py_ssize_t inputs = self.fast.trains.inputs, outputs = self.fast.trains.outputs
        cdef Py_ssize_t first = reads % inputs, line, k
        cdef int64_t wait = interval - vectors % interval if interval > 0 else 0
        cdef int v, written
        cdef int64_t slots, read
        cdef float *signs = &self.buffer.signs[0]
        if factors == NULL:
            lines = 0
        for line in range(inputs):
            room.signs[line] = signs[line]
        k = 0
        for v in range(begin, end):
            if k < lines and v == begin + wait + k * interval:
                if turning[k]:
                    room.signs[first + k] = -room.signs[first + k]
                k += 1
            for line in range(inputs):
                x[v * inputs + line] = x[v * inputs + line] * room.signs[line]
        moves.slots += self.fast.draw(
            x + begin * inputs, d + begin * outputs, end - begin, 1.0, first_vector + begin)
        if lines == 0:
            moves.pulses += self.fast.send(self.fast.purpose, first_vector + begin, room.progress)
            return 0
        self.fast.trains.make_held()
        for k in range(lines):
            self.fast.trains.stops[first + k] = <int32_t> (wait + k * interval)
        self.fast.trains.hold()
        moves.pulses += self.fast.send(self.fast.purpose, first_vector + begin, room.progress)
        read = self.read_lines(first, lines, reads, values, room)
        if read < 0:
            with gil:
                raise ValueError("an input of a read is not a finite number")
        moves.reads += read
        if self.fast.trains.turn_to_held():
            moves.pulses += self.fast.send(self.fast.late, first_vector + begin, room.progress)
        for k in range(lines):
            room.factors[k] = <float> factors[begin + wait + k * interval - 1] * signs[first + k]
        written = self.buffer.take(first, lines, values, room.factors, counts, reads // inputs)
        if written:
            slots = self.slow.draw(&self.buffer.identity[first, 0], counts, <int> lines, self.write_rate, reads)
            moves.write_pulses += self.slow.send(self.slow.purpose, reads, room.progress)
            moves.written_lines += written
            moves.write_slots += max(slots, <int64_t> written)
        moves.write_slots += lines - written
        for k in range(lines):
            if turning[k]:
                self.buffer.turn(first + k)
        return 0

    cdef int64_t read_lines(
        self, Py_ssize_t first, Py_ssize_t lines, int64_t number, float *values, room_t *room
    ) noexcept nogil:
        # Read consecutive lines of the first array as they are now.
        cdef Stream stream = make_stream(self.fast.key, self.fast.crossbar, self.purpose, number)
        return read_block(self.converters, &room.matrix, &self.buffer.identity[first, 0], values, <int> lines, room.most,
                          False, &stream, NULL, room.largest, &room.room)


cdef int make_line_room(
    room_t *room, Converters converters, const float *weights, Py_ssize_t outputs, Py_ssize_t inputs
) except -1:
    room.matrix = make_matrix(weights, outputs, inputs, False)
    check_lines(converters, &room.matrix)
    room.most = parts_of(<int> inputs)
    room.largest = <float *> malloc(4 * <size_t> inputs * sizeof(float))
    room.signs = room.largest + 2 * inputs
    room.factors = room.largest + 3 * inputs
    room.memory = make_room(converters, &room.matrix, room.most, &room.room)
    if room.largest == NULL or room.memory == NULL:
        raise MemoryError()
    room.progress = make_progress()
    return 0


cdef void free_line_room(room_t *room) noexcept:
    free_progress(room.progress)
    free(room.memory)
    free(room.largest)
