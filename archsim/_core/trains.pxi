# Pulse trains and room for them, and how the cells are walked through with them.

@cython.final
cdef class Trains:
    """The pulse trains of one block of vectors on the lines of one crossbar, and room for them."""

    cdef trains_t trains
    cdef readonly int outputs, inputs
    cdef uint32_t *memory
    cdef uint32_t *rows
    cdef uint32_t *packed_on
    cdef uint32_t *packed_sign
    cdef uint8_t *spread
    cdef uint32_t *held
    cdef int32_t *stops  # after how many vectors each line stops
    cdef Py_ssize_t room, spread_room, held_room
    cdef Length *lengths
    cdef int vectors, drawn
    cdef bint holds

    def __cinit__(self, int outputs, int inputs):
        self.outputs = outputs
        self.inputs = inputs
        self.memory = NULL
        self.spread = NULL
        self.held = NULL
        self.lengths = NULL
        self.room = self.spread_room = self.held_room = 0
        self.vectors = self.drawn = 0
        self.holds = False
        # Whole groups of lines, and as many more for loads and stores of whole registers beyond the last one.
        self.trains.x_stride = (inputs + LINES - 1) // LINES * LINES + LINES
        self.trains.d_stride = (outputs + LINES - 1) // LINES * LINES + LINES

    def __dealloc__(self):
        free(self.memory)
        free(self.spread)
        free(self.held)
        free(self.lengths)

    cdef int make_lengths(self, int vectors) except -1 nogil:
        cdef void *memory
        if vectors > self.vectors:
            memory = realloc(self.lengths, <size_t> vectors * sizeof(Length))
            if memory == NULL:
                no_memory()
            self.lengths = <Length *> memory
            self.vectors = vectors
        return 0

    cdef int make_room(self, int words, int pieces) except -1 nogil:
        # Empty words for all lines, and room for the lists of active lines.
        cdef trains_t *t = &self.trains
        cdef Py_ssize_t of_words = 2 * words * (t.x_stride + t.d_stride)
        cdef Py_ssize_t of_lists = pieces * (3 * t.x_stride + t.d_stride)
        cdef Py_ssize_t packed = t.x_stride + t.d_stride + 2 * words * t.x_stride
        cdef Py_ssize_t room = (of_words + of_lists + packed) * sizeof(uint32_t) + pieces * sizeof(piece_t) + words
        if room > self.room:
            free(self.memory)
            self.room = 0
            self.memory = <uint32_t *> cache_lines(<size_t> room)
            if self.memory == NULL:
                no_memory()
            self.room = room
        t.words = words
        t.pieces = pieces
        t.x_on = self.memory
        t.x_sign = t.x_on + words * t.x_stride
        t.d_on = t.x_sign + words * t.x_stride
        t.d_sign = t.d_on + words * t.d_stride
        t.x_lines = t.d_sign + words * t.d_stride
        t.x_slots = t.x_lines + pieces * t.x_stride
        t.x_turns = t.x_slots + pieces * t.x_stride
        t.d_lines = t.x_turns + pieces * t.x_stride
        self.rows = t.d_lines + pieces * t.d_stride
        self.packed_on = self.rows + t.x_stride + t.d_stride
        self.packed_sign = self.packed_on + words * t.x_stride
        t.piece = <piece_t *> (self.packed_sign + words * t.x_stride)
        t.alike = <uint8_t *> (t.piece + pieces)
        memset(t.x_on, 0, <size_t> of_words * sizeof(uint32_t))
        return 0

    cdef int choose_walk(self) except -1 nogil:
        # Say how the cells are best walked through; `arrange_words` prepares for all of them at once. Single slots are
        # listed already.
        cdef trains_t *t = &self.trains
        cdef Length *of
        cdef double listed = 0.0, of_pieces
        cdef int v, k, columns, rows
        if self.drawn == 0:
            return 0
        t.crowded = t.counted
        t.rows = NULL
        t.width = self.inputs
        if t.counted:
            return 0
        for v in range(self.drawn):
            of = self.lengths + v
            if of.slots == 0:
                continue
            of_pieces = 0.0
            for k in range(of.piece, of.piece + pieces_of(of.slots, False)):
                if of.slots > 1:
                    list_piece(t, k, self.inputs, self.outputs)
                of_pieces += <double> t.piece[k].x_count * t.piece[k].d_count
            listed += min(of_pieces, of.coincidences) * (LISTED_PULSE if of.slots == 1 else LISTED_CELL)
        columns = active_lines(t.d_on, t.words, t.d_stride, 0xFFFFFFFFu, self.outputs, self.rows)
        rows = active_lines(t.x_on, t.words, t.x_stride, 0xFFFFFFFFu, self.inputs, self.rows)
        if 4 * rows <= 3 * self.inputs:
            t.rows = self.rows
            t.width = rows
            memset(self.rows + rows, 0, LINES * sizeof(uint32_t))
        t.crowded = listed > (t.words + WALK) * columns * t.width
        return 0

    cdef trains_t view(self) noexcept nogil:
        # The trains as they are walked through.
        cdef trains_t view = self.trains
        if view.crowded and view.rows != NULL:
            view.x_on = self.packed_on
            view.x_sign = self.packed_sign
        return view

    cdef int arrange_words(self) except -1 nogil:
        # Pack and spread the words as a walk over all cells takes them.
        cdef trains_t view = self.view()
        cdef trains_t *t = &view
        cdef Py_ssize_t room = 2 * SLOTS * t.words * t.x_stride
        cdef int word
        if t.rows != NULL:
            pack_words(&self.trains, t.rows, t.width, self.packed_on, self.packed_sign)
        for word in range(t.words):
            if not t.alike[word]:
                break
        else:
            return 0
        if room > self.spread_room:
            free(self.spread)
            self.spread_room = 0
            self.spread = <uint8_t *> cache_lines(<size_t> room)
            if self.spread == NULL:
                no_memory()
            self.spread_room = room
        self.trains.spread = t.spread = self.spread
        spread_slots(t)
        return 0

    def draw(
        self, PulseRules rules not None, const float[:, ::1] x not None, const float[:, ::1] d not None,
        double learning_rate, uint64_t key, uint32_t crossbar, uint32_t x_purpose, uint32_t d_purpose,
        uint64_t first_vector
    ):
        """Draw the trains for inputs x and errors d.

        Returns slots over all vectors, pulses on input lines, pulses on output lines and the coincidences to be
        expected. Raises ValueError if shapes do not fit or a number is not finite.
        """
        self.check(x, d)
        with nogil:
            self.begin(rules, first_of(x), first_of(d), <int> x.shape[0], learning_rate)
            self.draw_sides(0, 2, rules, first_of(x), first_of(d), learning_rate, key, crossbar, x_purpose, d_purpose,
                            first_vector)
        return self.finish()

    def prepare(
        self, PulseRules rules not None, const float[:, ::1] x not None, const float[:, ::1] d not None,
        double learning_rate
    ):
        """Begin to draw: say how long trains are and where they lie. `fill` and `finish` do the rest."""
        self.check(x, d)
        self.begin(rules, first_of(x), first_of(d), <int> x.shape[0], learning_rate)

    def fill(
        self, int first_side, int last_side, PulseRules rules not None, const float[:, ::1] x not None,
        const float[:, ::1] d not None, double learning_rate, uint64_t key, uint32_t crossbar, uint32_t x_purpose,
        uint32_t d_purpose, uint64_t first_vector
    ):
        """Draw trains of input lines (side 0), output lines (side 1) or both, as prepared; threads may share sides."""
        if self.drawn == 0:
            return
        if (not 0 <= first_side <= last_side <= 2 or x.shape[0] != self.drawn or d.shape[0] != self.drawn
                or x.shape[1] != self.inputs or d.shape[1] != self.outputs):
            raise ValueError("the trains were prepared for other shapes")
        with nogil:
            self.draw_sides(first_side, last_side, rules, first_of(x), first_of(d), learning_rate, key, crossbar,
                            x_purpose, d_purpose, first_vector)

    cdef int check(self, const float[:, ::1] x, const float[:, ::1] d) except -1:
        if d.shape[0] != x.shape[0] or x.shape[1] != self.inputs or d.shape[1] != self.outputs:
            raise ValueError("the shapes of x and d do not fit")
        return 0

    cdef int begin(
        self, PulseRules rules, const float *x, const float *d, int vectors, double learning_rate
    ) except -1 nogil:
        cdef int v, words = 0, pieces = 0
        cdef double rate = -learning_rate if learning_rate < 0.0 else learning_rate
        cdef int32_t x_bits, d_bits
        cdef Bits x_max, d_max
        cdef bint finite = rate <= 1.7976931348623157e308
        self.trains.words = self.trains.pieces = self.drawn = 0
        self.holds = False
        if vectors == 0 or self.inputs == 0 or self.outputs == 0:
            return 0
        self.make_lengths(vectors)
        for v in range(vectors):
            x_bits = magnitude_bits(x + <Py_ssize_t> v * self.inputs, self.inputs)
            d_bits = magnitude_bits(d + <Py_ssize_t> v * self.outputs, self.outputs)
            if x_bits >= 0x7F800000 or d_bits >= 0x7F800000 or not finite:
                with gil:
                    raise ValueError("x, d or the learning rate of an update is not a finite number")
            x_max.i = x_bits
            d_max.i = d_bits
            self.lengths[v].slots = train_length(
                rules, rate, x_max.f, d_max.f, &self.lengths[v].x_factor, &self.lengths[v].d_factor)
        self.trains.counted = rules.scheme > 1
        self.trains.backwards = not self.trains.backwards
        lay_out(self.lengths, vectors, self.trains.counted, &words, &pieces)
        self.make_room(words, pieces)
        describe(&self.trains, self.lengths, vectors)
        self.trains.crowded = False
        self.drawn = vectors
        return 0

    cdef void draw_sides(
        self, int first_side, int last_side, PulseRules rules, const float *x, const float *d, double learning_rate,
        uint64_t key, uint32_t crossbar, uint32_t x_purpose, uint32_t d_purpose, uint64_t first_vector
    ) noexcept nogil:
        cdef int side
        if self.drawn == 0:
            return
        for side in range(first_side, last_side):
            if side == 0:
                draw_side(&self.trains, self.lengths, self.drawn, rules, x, self.inputs, 0, key, crossbar,
                          x_purpose, first_vector, True)
            else:
                draw_side(&self.trains, self.lengths, self.drawn, rules, d, self.outputs,
                          SIGN if learning_rate < 0.0 else 0, key, crossbar, d_purpose, first_vector, False)

    def finish(self):
        """Choose how the cells are walked through with the trains that were drawn; return what `draw` does."""
        cdef totals_t totals
        with nogil:
            totals = self.add_up()
            self.choose_walk()
            if self.trains.crowded and not self.trains.counted:
                self.arrange_words()
        return totals.slots, totals.x_pulses, totals.d_pulses, <int64_t> totals.coincidences

    cdef totals_t add_up(self) noexcept nogil:
        # Note the coincidences to be expected of every vector; the sums over all of them.
        cdef totals_t totals
        cdef Length *of
        cdef int v
        totals.slots = totals.x_pulses = totals.d_pulses = 0
        totals.coincidences = 0.0
        for v in range(self.drawn):
            of = self.lengths + v
            if of.slots == 0:
                continue
            of.coincidences = <double> of.x_pulses * <double> of.d_pulses / of.slots
            totals.slots += of.slots
            totals.x_pulses += of.x_pulses
            totals.d_pulses += of.d_pulses
            totals.coincidences += of.coincidences
        return totals

    def take(self, const int32_t[::1] rows not None, const int32_t[:, ::1] counts not None):
        """Take trains that give exact numbers of pulses, counts [V, outputs], to the cells of single input lines.

        Positive counts go up; none may exceed 31 in magnitude. Returns slots, pulses on input lines and pulses on
        output lines.
        """
        cdef trains_t *t = &self.trains
        cdef int vectors = <int> rows.shape[0], v, i, length, count
        cdef int64_t slots = 0, pulses = 0
        if counts.shape[0] != vectors or counts.shape[1] != self.outputs:
            raise ValueError("the shapes of rows and counts do not fit")
        self.trains.counted = False
        self.trains.words = self.trains.pieces = self.drawn = 0
        if vectors == 0 or self.outputs == 0:
            return 0, 0, 0
        self.make_room(vectors, vectors)
        for v in range(vectors):
            if not 0 <= rows[v] < self.inputs:
                t.words = 0
                raise ValueError("there is no such input line")
            length = 0
            for i in range(self.outputs):
                count = counts[v, i]
                if count == 0:
                    continue
                if not -31 <= count <= 31:
                    t.words = 0
                    raise ValueError("a cell gets at most 31 pulses at a time")
                t.d_sign[v * t.d_stride + i] = 0xFFFFFFFFu if count > 0 else 0u
                count = -count if count < 0 else count
                t.d_on[v * t.d_stride + i] = (1u << count) - 1u
                length = count if count > length else length
                pulses += count
            t.x_on[v * t.x_stride + rows[v]] = (1u << length) - 1u
            t.alike[v] = False
            t.piece[v].word = v
            t.piece[v].mask = 0xFFFFFFFFu
            slots += length
        t.crowded = False
        t.rows = NULL
        with nogil:
            list_lines(t, self.inputs, self.outputs)
        return slots, slots, pulses

    def hold_back(self, const int32_t[::1] lines not None, const int32_t[::1] vectors not None):
        """Take the pulses of later vectors off some input lines, to be sent by `let_go`: line lines[k] keeps those of
        the first vectors[k] of the vectors that were drawn. No line may occur twice.
        """
        cdef int k
        if vectors.shape[0] != lines.shape[0]:
            raise ValueError("the shapes of lines and vectors do not fit")
        for k in range(<int> lines.shape[0]):
            if not 0 <= lines[k] < self.inputs:
                raise ValueError("there is no such input line")
        self.make_held()
        for k in range(<int> lines.shape[0]):
            self.stops[lines[k]] = vectors[k]
        with nogil:
            self.hold()
            if self.trains.crowded and not self.trains.counted:
                self.arrange_words()

    def let_go(self):
        """Turn to the pulses that were held back, and to them alone; return whether there are any."""
        return bool(self.turn_to_held())

    cdef int make_held(self) except -1 nogil:
        # Room for pulses that are held back, none at first, and that no line stops after any vector.
        cdef Py_ssize_t words = self.trains.words * self.trains.x_stride, k
        if words + self.trains.x_stride > self.held_room:
            free(self.held)
            self.held_room = 0
            self.held = <uint32_t *> cache_lines(<size_t> (words + self.trains.x_stride) * sizeof(uint32_t))
            if self.held == NULL:
                no_memory()
            self.held_room = words + self.trains.x_stride
        memset(self.held, 0, <size_t> words * sizeof(uint32_t))
        self.stops = <int32_t *> (self.held + words)
        for k in range(self.trains.x_stride):
            self.stops[k] = 0x7FFFFFFF
        self.holds = False
        return 0

    cdef int hold(self) except -1 nogil:
        # Hold back what comes after the stops.
        cdef trains_t *t = &self.trains
        cdef Length *of
        cdef int v, i
        cdef ptrdiff_t at
        cdef uint32_t any_late = 0
        for v in range(self.drawn):
            of = self.lengths + v
            if of.slots == 0:
                continue
            for i in range(of.piece, of.piece + pieces_of(of.slots, t.counted)):
                at = t.piece[i].word * t.x_stride
                any_late |= hold_lines(t.x_on + at, self.held + at, self.stops, self.inputs, v,
                                       0xFFFFFFFFu if t.counted else t.piece[i].mask)
        self.holds = any_late != 0
        if self.holds and not t.counted and not t.crowded:
            list_lines(t, self.inputs, self.outputs)
        return 0

    cdef bint turn_to_held(self) noexcept nogil:
        cdef trains_t *t = &self.trains
        if not self.holds:
            return False
        memcpy(t.x_on, self.held, <size_t> (t.words * t.x_stride) * sizeof(uint32_t))
        t.crowded = t.counted
        if not t.counted:
            list_lines(t, self.inputs, self.outputs)
        return True

    def words(self):
        """Return copies of the words: x_on, x_sign [words, inputs] and d_on, d_sign [words, outputs]."""
        cdef trains_t *t = &self.trains
        x_on = np.zeros((t.words, self.inputs), np.uint32)
        x_sign = np.zeros((t.words, self.inputs), np.uint32)
        d_on = np.zeros((t.words, self.outputs), np.uint32)
        d_sign = np.zeros((t.words, self.outputs), np.uint32)
        cdef uint32_t[:, ::1] x_on_view = x_on, x_sign_view = x_sign, d_on_view = d_on, d_sign_view = d_sign
        cdef int word, k
        for word in range(t.words):
            for k in range(self.inputs):
                x_on_view[word, k] = t.x_on[word * t.x_stride + k]
                x_sign_view[word, k] = t.x_sign[word * t.x_stride + k]
            for k in range(self.outputs):
                d_on_view[word, k] = t.d_on[word * t.d_stride + k]
                d_sign_view[word, k] = t.d_sign[word * t.d_stride + k]
        return x_on, x_sign, d_on, d_sign
